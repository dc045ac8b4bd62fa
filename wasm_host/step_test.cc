// A module as a step of a graph: a guest written in C against weft_guest.h, its inputs, outputs,
// grants and limits, and what is recorded of what it read.

#include "wasm_host/step.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/check.h"
#include "dag/function.h"
#include "future/manual_executor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "wasm_host/engine.h"
#include "wasm_host/error.h"
#include "wasm_host/registry.h"
#include "wasm_host/testing.h"

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  WEFT_CHECK(file.good()) << "cannot read " << path;
  return text.str();
}

class StepTest : public testing::Test {
 protected:
  StepTest() {
    std::string name = testing::TempDir() + "/step_XXXXXX";
    WEFT_CHECK(mkdtemp(name.data()) != nullptr);
    root_ = std::filesystem::canonical(name);
    auto functions = std::make_shared<HostFunctions>();
    AddStepFunctions(*functions);
    step_ = MakeWasmStep(Engine(SmallEngine()), std::move(functions));
    spec_.id = "count";
    spec_.function = kWasmFunction;
    spec_.outputs = {"counts"};
    spec_.directory = root_;
    spec_.inputs = {{kWasmModule, FileInput{"guest.wasm"}, {}}};
    spec_.params = {{kWasmModule, "guest.wasm"}};
    inputs_ = {{"paths", Blob("a.txt\nb.txt\n")},
               {kWasmModule, Blob(ReadFile("wasm_host/line_count_guest.wasm"))}};
    std::ofstream(root_ + "/a.txt") << "one\ntwo\n";
    std::ofstream(root_ + "/b.txt") << "";
  }
  ~StepTest() override { std::filesystem::remove_all(root_); }

  absl::StatusOr<StepOutputs> Run() {
    context_.emplace(spec_, inputs_, executor_,
                     [this](std::string_view line) { log_.emplace_back(line); });
    return executor_.BlockOn(step_->Run(*context_));
  }

  absl::Status RunText(std::string_view wat) {
    inputs_[1].blob = Blob(std::string(wat));
    return Run().status();
  }

  ManualExecutor executor_;
  std::string root_;
  std::unique_ptr<StepFunction> step_;
  StepSpec spec_;
  std::vector<StepInput> inputs_;
  std::optional<StepContext> context_;
  std::vector<std::string> log_;
};

TEST_F(StepTest, AGuestInCReadsItsInputAndGrantedFilesAndWritesItsOutput) {
  spec_.params.push_back({kWasmFsRead, "**"});
  ASSERT_TRUE(step_->Check(spec_).ok()) << step_->Check(spec_);
  EXPECT_TRUE(step_->IsPure(spec_));
  const absl::StatusOr<StepOutputs> outputs = Run();
  ASSERT_TRUE(outputs.ok()) << outputs.status();
  EXPECT_THAT(*outputs, ElementsAre("a.txt 2\nb.txt 0\n"));
  const std::vector<Observation> observations = context_->TakeObservations();
  ASSERT_EQ(observations.size(), 2u);
  EXPECT_EQ(observations[0].kind, Observation::Kind::kFile);
  EXPECT_EQ(observations[0].path, "a.txt");
  EXPECT_EQ(observations[0].digest, DigestOf("one\ntwo\n"));
  EXPECT_EQ(observations[1].path, "b.txt");
}

TEST_F(StepTest, AbsenceIsRecordedAndTheGuestsMessageIsPassedOn) {
  spec_.params.push_back({kWasmFsRead, "**"});
  inputs_[0].blob = Blob("c.txt\n");
  const absl::Status status = Run().status();
  EXPECT_EQ(CauseOf(status), GuestCause::kGuestFailed);
  EXPECT_EQ(status.message(),
            "module guest.wasm, function weft_run: weft.fail: a file of the list does not exist");
  const std::vector<Observation> observations = context_->TakeObservations();
  ASSERT_EQ(observations.size(), 1u);
  EXPECT_EQ(observations[0].kind, Observation::Kind::kAbsent);
}

TEST_F(StepTest, AMissingGrantNamesModuleAndCapability) {
  const absl::Status status = Run().status();
  EXPECT_EQ(CauseOf(status), GuestCause::kCapabilityDenied);
  EXPECT_THAT(status.message(), HasSubstr("module guest.wasm imports weft.fs_read, which needs the "
                                          "capability fs.read"));
}

TEST_F(StepTest, AReadOutsideTheGrantFailsTheStep) {
  spec_.params.push_back({kWasmFsRead, "a.*"});
  const absl::Status status = Run().status();
  EXPECT_EQ(CauseOf(status), GuestCause::kCapabilityDenied);
  EXPECT_EQ(status.message(),
            "module guest.wasm, function weft_run: weft.fs_read: reading b.txt is not granted: no "
            "granted path matches it; granted: a.*");
}

TEST_F(StepTest, AMissingInputIsTheGuestsOwnMessage) {
  spec_.params.push_back({kWasmFsRead, "**"});
  inputs_[0].name = "other";
  EXPECT_THAT(Run().status().message(), HasSubstr("an input that this guest needs is missing"));
}

TEST_F(StepTest, WantingMoreMemoryThanTheLimitIsNamed) {
  spec_.params.push_back({kWasmFsRead, "**"});
  spec_.params.push_back({kWasmMemoryBytes, "262144"});
  inputs_[0].blob = Blob(std::string(1 << 20, 'x'));
  const absl::Status status = Run().status();
  EXPECT_EQ(CauseOf(status), GuestCause::kMemory);
  EXPECT_THAT(status.message(), HasSubstr("weft.no_memory: it wanted 1048576 bytes beyond the "));
  EXPECT_THAT(status.message(), HasSubstr("which passes its memory limit"));
}

TEST_F(StepTest, FuelAndTextModulesWork) {
  spec_.params.push_back({kWasmFuel, "10000"});
  EXPECT_EQ(CauseOf(RunText(R"((module (func (export "weft_abi_1"))
                                 (func (export "weft_run") (loop (br 0)))))")),
            GuestCause::kFuel);
}

TEST_F(StepTest, WallTimeIsLimitedWhileTheGuestSleeps) {
  spec_.params.push_back({kWasmWallMs, "100"});
  spec_.params.push_back({kWasmClock, "true"});
  EXPECT_EQ(CauseOf(RunText(R"((module (import "weft" "clock_sleep" (func $sleep (param i64)))
                                 (func (export "weft_abi_1"))
                                 (func (export "weft_run") (call $sleep (i64.const 5000)))))")),
            GuestCause::kWallDeadline);
  EXPECT_FALSE(step_->IsPure(spec_));
}

TEST_F(StepTest, LogLinesReachTheStepsLogWithoutControlCharacters) {
  spec_.params.push_back({kWasmLog, "true"});
  EXPECT_TRUE(RunText(R"((module (import "weft" "log_write" (func $log (param i32 i32)))
                           (memory (export "memory") 1) (data (i32.const 0) "\1b[2Jhello")
                           (func (export "weft_abi_1"))
                           (func (export "weft_run") (call $log (i32.const 0) (i32.const 9)))))")
                  .ok());
  EXPECT_THAT(log_, ElementsAre("?[2Jhello"));
  EXPECT_TRUE(step_->IsPure(spec_));
}

TEST_F(StepTest, AModuleOfNoVersionIsRefused) {
  const absl::Status status = RunText(R"((module (func (export "weft_run"))))");
  EXPECT_EQ(CauseOf(status), GuestCause::kMissingExport);
  EXPECT_THAT(status.message(), HasSubstr("expected it to export weft_abi_1"));
}

TEST_F(StepTest, CheckNamesUnknownCapabilitiesAndBadScopes) {
  spec_.params.push_back({kWasmCapability, "moon.landing"});
  EXPECT_EQ(step_->Check(spec_).message(),
            "granting moon.landing: expected a capability that guards a host function, which are "
            "clock.now, clock.sleep, fs.read, log.write");
  spec_.params.back() = {kWasmFsRead, "../up/**"};
  EXPECT_EQ(step_->Check(spec_).message(),
            "granting fs.read: expected a path without \"..\" and NUL, found ../up/**");
  spec_.inputs.clear();
  EXPECT_EQ(step_->Check(spec_).message(), "a wasm step needs the input @module, found none");
}

}  // namespace
}  // namespace weft
