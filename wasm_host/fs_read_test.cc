// What fs.read gives, what it records, and a corpus of attempts to read outside the grant.

#include "wasm_host/fs_read.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/check.h"
#include "future/context.h"
#include "future/manual_executor.h"
#include "future/poll.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "wasm_host/data.h"
#include "wasm_host/error.h"
#include "wasm_host/grants.h"
#include "wasm_host/host_call.h"
#include "wasm_host/host_function.h"
#include "wasm_host/internal/path.h"
#include "wasm_host/registry.h"
#include "wasm_host/value.h"

namespace weft {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using wasm_host_internal::MatchesGlob;
using wasm_host_internal::NormalPath;
using wasm_host_internal::OpenBeneath;
using wasm_host_internal::OpenBeneathStepwise;
using wasm_host_internal::Segments;

// Drives the host function without a guest: its memory is a string.
class OneCall {
 public:
  using Output = absl::Status;

  OneCall(const HostFunction& function, HostCall& call, const RawValue* args, RawValue* result)
      : operation_(function.Start(call, args, result)) {}

  Poll<absl::Status> poll(Context& cx) { return operation_->poll(cx); }

 private:
  std::unique_ptr<HostOperation> operation_;
};

class FsReadTest : public testing::Test {
 protected:
  FsReadTest() {
    std::string name = testing::TempDir() + "/fs_read_XXXXXX";
    WEFT_CHECK(mkdtemp(name.data()) != nullptr);
    root_ = fs::canonical(name);
    AddFsRead(functions_);
    Write("data/a.txt", "alpha");
    Write("data/deep/er/b.txt", "beta");
    Write("data/c.bin", "gamma");
    Write("database/secret.txt", "secret");
    Write("secret.txt", "secret");
    auto options = std::make_shared<FsReadOptions>();
    options->directory = root_;
    options->max_file_bytes = 1000;
    options->on_read = [this](const FsReadEvent& event) { events_.push_back(event); };
    data_.Set(std::move(options));
  }
  ~FsReadTest() override { fs::remove_all(root_); }

  void Write(const std::string& path, const std::string& text) {
    fs::create_directories(fs::path(root_ + "/" + path).parent_path());
    std::ofstream(root_ + "/" + path) << text;
  }

  // The content, "absent", or an error.
  absl::StatusOr<std::string> Read(std::string path) {
    HostCall call(guest_, grants_, data_);
    call.set_memory(GuestMemory(path.data(), path.size()));
    const RawValue args[] = {RawValue::From(int32_t{0}),
                             RawValue::From(static_cast<uint32_t>(path.size()))};
    RawValue result;
    absl::Status status =
        executor_.BlockOn(OneCall(*functions_.Find("weft", "fs_read"), call, args, &result));
    if (!status.ok()) return status;
    if (result.As<int32_t>() < 0) return "absent";
    return **data_.FindOrMake<DataTable>().Find(result.As<int32_t>());
  }

  ManualExecutor executor_;
  HostFunctions functions_;
  std::string root_;
  const std::string guest_ = "guest";
  Grants grants_;
  CallData data_;
  std::vector<FsReadEvent> events_;
};

TEST_F(FsReadTest, ReadsWhatIsGranted) {
  grants_.Allow("fs.read", "data/**");
  EXPECT_EQ(*Read("data/a.txt"), "alpha");
  EXPECT_EQ(*Read(root_ + "/data/a.txt"), "alpha");
  EXPECT_EQ(*Read("./data//deep/./er/b.txt"), "beta");
  EXPECT_EQ(*Read("data/none.txt"), "absent");
  EXPECT_EQ(*Read("data/a.txt/none.txt"), "absent");
}

TEST_F(FsReadTest, AbsoluteScopesAndSingleFilesWork) {
  grants_.Allow("fs.read", root_ + "/data/*.txt").Allow("fs.read", root_ + "/data/c.bin");
  EXPECT_EQ(*Read("data/a.txt"), "alpha");
  EXPECT_EQ(*Read("data/c.bin"), "gamma");
  EXPECT_EQ(CauseOf(Read("data/deep/er/b.txt").status()), GuestCause::kCapabilityDenied);
}

TEST_F(FsReadTest, ReportsWhatWasReadAndWhatWasAbsent) {
  grants_.Allow("fs.read", "data/**");
  ASSERT_TRUE(Read(root_ + "/data//a.txt").ok());
  ASSERT_TRUE(Read("data/none.txt").ok());
  ASSERT_EQ(events_.size(), 2u);
  EXPECT_EQ(events_[0].path, "data/a.txt");
  EXPECT_TRUE(events_[0].exists);
  EXPECT_EQ(events_[0].size, 5);
  EXPECT_EQ(events_[0].sha256[0], 0x8e);  // SHA-256 of "alpha" is 8ed3f6ad...
  EXPECT_EQ(events_[0].sha256[1], 0xd3);
  EXPECT_EQ(events_[1].path, "data/none.txt");
  EXPECT_FALSE(events_[1].exists);
}

TEST_F(FsReadTest, TheCorpusOfEscapesIsRefused) {
  grants_.Allow("fs.read", "data/**").Allow("fs.read", "data/../secret.txt");
  fs::create_symlink(root_ + "/secret.txt", root_ + "/data/link.txt");
  fs::create_directory_symlink(root_ + "/database", root_ + "/data/dir");
  fs::create_directory_symlink("..", root_ + "/data/up");
  fs::create_symlink("a.txt", root_ + "/data/inside.txt");
  const std::string kCorpus[] = {
      "database/secret.txt",
      "data/../secret.txt",
      "data/../data/a.txt",
      "../" + fs::path(root_).filename().string() + "/secret.txt",
      "data/deep/../../secret.txt",
      "secret.txt",
      "/etc/passwd",
      "//etc/passwd",
      "/proc/self/environ",
      "..",
      ".",
      "",
      "data",
      std::string("data/a.txt\0.png", 15),
      "data/link.txt",
      "data/dir/secret.txt",
      "data/up/secret.txt",
      "data/up/data/a.txt",
      "data/inside.txt",
      root_ + "/database/secret.txt",
      root_ + "/data/../secret.txt",
  };
  for (const std::string& path : kCorpus) {
    const absl::StatusOr<std::string> read = Read(path);
    EXPECT_FALSE(read.ok()) << path;
    EXPECT_TRUE(events_.empty()) << path;
  }
}

TEST_F(FsReadTest, DenialsSayWhatIsGranted) {
  grants_.Allow("fs.read", "data/*.txt").Allow("fs.read", "data/*.csv");
  const absl::Status status = Read("database/secret.txt").status();
  EXPECT_EQ(CauseOf(status), GuestCause::kCapabilityDenied);
  EXPECT_EQ(status.message(),
            "reading database/secret.txt is not granted: no granted path matches it; granted: "
            "data/*.txt, data/*.csv");
  fs::create_symlink(root_ + "/secret.txt", root_ + "/data/link.txt");
  EXPECT_THAT(Read("data/link.txt").status().message(), HasSubstr("symbolic link"));
}

TEST_F(FsReadTest, OnlyRegularFilesOfABoundedSizeAreRead) {
  grants_.Allow("fs.read", "data/**");
  ASSERT_EQ(mkfifo((root_ + "/data/fifo").c_str(), 0600), 0);
  EXPECT_THAT(Read("data/fifo").status().message(), HasSubstr("expected a regular file"));
  EXPECT_THAT(Read("data/deep").status().message(), HasSubstr("expected a regular file"));
  Write("data/big", std::string(1000, 'x'));
  EXPECT_TRUE(Read("data/big").ok());
  Write("data/big", std::string(1001, 'x'));
  EXPECT_EQ(CauseOf(Read("data/big").status()), GuestCause::kMemory);
}

TEST_F(FsReadTest, KernelsWithoutOpenat2RefuseTheSame) {
  fs::create_symlink(root_ + "/secret.txt", root_ + "/data/link.txt");
  fs::create_directory_symlink(root_ + "/database", root_ + "/data/dir");
  const std::pair<Segments, int> kCases[] = {
      {{"data", "link.txt"}, -ELOOP},         {{"data", "dir", "secret.txt"}, -ELOOP},
      {{"data", "none.txt"}, -ENOENT},        {{"none", "a.txt"}, -ENOENT},
      {{"data", "a.txt", "b.txt"}, -ENOTDIR}, {{}, -EISDIR},
  };
  for (const auto& [below, error] : kCases) {
    EXPECT_EQ(OpenBeneath(root_, below), error) << testing::PrintToString(below);
    EXPECT_EQ(OpenBeneathStepwise(root_, below), error) << testing::PrintToString(below);
  }
  const int fd = OpenBeneathStepwise(root_, Segments{"data", "deep", "er", "b.txt"});
  EXPECT_GE(fd, 0);
  close(fd);
}

TEST(MatchesGlobTest, ComparesSegmentBySegment) {
  const auto matches = [](const std::string& glob, const std::string& path) {
    return MatchesGlob(*NormalPath("", glob), *NormalPath("", path));
  };
  EXPECT_TRUE(matches("data/**", "data/a"));
  EXPECT_TRUE(matches("data/**", "data"));
  EXPECT_TRUE(matches("data/**/b", "data/b"));
  EXPECT_TRUE(matches("data/**/b", "data/x/y/b"));
  EXPECT_TRUE(matches("**/*.h", "a/b/c.h"));
  EXPECT_TRUE(matches("a?c*e", "abcde"));
  EXPECT_TRUE(matches("**", "a/b"));
  EXPECT_FALSE(matches("data/**", "database/a"));
  EXPECT_FALSE(matches("data/*", "data/a/b"));
  EXPECT_FALSE(matches("*", "a/b"));
  EXPECT_FALSE(matches("data*", "data/a"));
  EXPECT_FALSE(matches("a?c", "a/c"));
  EXPECT_FALSE(matches("**/*.h", "a/b/c.hh"));
}

TEST(MatchesGlobTest, NoPatternTakesExponentialTime) {
  Segments glob;
  Segments path;
  for (int i = 0; i < 200; ++i) {
    glob.insert(glob.end(), {"**", "*a*a*a*a*a*a*a*a*"});
    path.push_back(std::string(100, 'a'));
  }
  path.push_back("b");
  EXPECT_FALSE(MatchesGlob(glob, path));
}

TEST(CheckFsReadScopeTest, RefusesWhatNeverMakesSense) {
  EXPECT_TRUE(CheckFsReadScope("src/**/*.h").ok());
  EXPECT_TRUE(CheckFsReadScope("/").ok());
  EXPECT_FALSE(CheckFsReadScope("").ok());
  EXPECT_FALSE(CheckFsReadScope("../x").ok());
}

}  // namespace
}  // namespace weft
