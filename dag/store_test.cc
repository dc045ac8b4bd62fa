// The contract of dag/store.h in one process and in several, without crashes (store_crash_test.cc
// has those).
#include "dag/store.h"

#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "dag/digest.h"
#include "dag/result.h"
#include "dag/testing/results.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ResultStoreTest : public testing::Test {
 protected:
  ResultStoreTest() {
    std::string pattern = testing::TempDir() + "/weft_store_XXXXXX";
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  ~ResultStoreTest() override { fs::remove_all(directory_); }

  std::unique_ptr<ResultStore> Open(ResultStoreOptions options = {}) {
    auto store = ResultStore::Open(directory_, options);
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? *std::move(store) : nullptr;
  }

  std::string ValuePath(const Digest& digest) const {
    return directory_ + "/values/" + digest.Hex().substr(0, 2) + "/" + digest.Hex();
  }

  std::string directory_;
};

std::string LargeValue(char fill) {
  return std::string(static_cast<std::size_t>(ResultStore::kMaxInlineSize) + 1, fill);
}

TEST_F(ResultStoreTest, ValuesOfAllSizesSurviveReopening) {
  const std::vector<std::string> values = {
      "", "small", std::string(static_cast<std::size_t>(ResultStore::kMaxInlineSize), 'i'),
      LargeValue('f'), std::string(1 << 20, 'x')};
  std::vector<Digest> digests;
  {
    const auto store = Open();
    for (const std::string& value : values) digests.push_back(*store->PutValue(value));
  }
  const auto store = Open();
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(*store->GetValue(digests[i]), values[i]);
    EXPECT_TRUE(*store->HasValue(digests[i]));
  }
  EXPECT_EQ(*store->GetValue(DigestOf("never put")), std::nullopt);
  EXPECT_FALSE(*store->HasValue(DigestOf(LargeValue('n'))));
}

TEST_F(ResultStoreTest, ResultComesBackWithItsValuesAndItsRun) {
  const std::string large = LargeValue('r');
  const std::vector<std::string_view> values = {"one", large};
  const Digest key = DigestOf("key");
  const RunRecord run{"/graphs/a", "count", RunOf(key)};
  {
    const auto store = Open();
    EXPECT_EQ(*store->GetResult(key), std::nullopt);
    ASSERT_TRUE(store->PutResult(key, ResultOf(values), values, &run).ok());
  }
  const auto store = Open();
  EXPECT_EQ(*store->GetResult(key), ResultOf(values));
  EXPECT_EQ(*store->GetValue(DigestOf("one")), "one");
  EXPECT_EQ(*store->GetValue(DigestOf(large)), large);
  EXPECT_EQ(*store->GetLastRun("/graphs/a", "count"), run.run);
  EXPECT_EQ(*store->GetLastRun("/graphs/b", "count"), std::nullopt);
  EXPECT_EQ(*store->GetLastRun("/graphs/a", "other"), std::nullopt);
  ASSERT_TRUE(store->EraseResult(key).ok());
  EXPECT_EQ(*store->GetResult(key), std::nullopt);
}

TEST_F(ResultStoreTest, RunAloneReplacesTheRunBefore) {
  const auto store = Open();
  ASSERT_TRUE(store->PutLastRun({"g", "s", RunOf(DigestOf("1"))}).ok());
  ASSERT_TRUE(store->PutLastRun({"g", "s", RunOf(DigestOf("2"))}).ok());
  EXPECT_EQ((*store->GetLastRun("g", "s"))->key, DigestOf("2"));
}

TEST_F(ResultStoreTest, DamagedFileIsAMissAndIsRepairedByTheNextPut) {
  const auto store = Open();
  const std::string value = LargeValue('d');
  const Digest digest = *store->PutValue(value);
  const auto damage = [&] {
    std::fstream file(ValuePath(digest), std::ios::in | std::ios::out);
    file.seekp(100);
    file.put('?');
  };
  damage();
  EXPECT_EQ(*store->GetValue(digest), std::nullopt);
  ASSERT_TRUE(store->PutValue(value).ok());
  EXPECT_EQ(*store->GetValue(digest), value);
  damage();
  EXPECT_FALSE(*store->HasValue(digest));
  ASSERT_TRUE(store->PutValue(value).ok());
  EXPECT_TRUE(*store->HasValue(digest));
}

TEST_F(ResultStoreTest, Regression_PutRepairsADamagedFileThatNobodyHasRead) {
  const auto store = Open();
  const std::string value = LargeValue('p');
  const Digest digest = *store->PutValue(value);
  {
    std::fstream file(ValuePath(digest), std::ios::in | std::ios::out);
    file.seekp(100);
    file.put('?');
  }
  ASSERT_TRUE(store->PutValue(value).ok());
  EXPECT_EQ(*store->GetValue(digest), value);
}

TEST_F(ResultStoreTest, TruncatedFileIsAMiss) {
  const auto store = Open();
  const std::string value = LargeValue('t');
  const Digest digest = *store->PutValue(value);
  fs::resize_file(ValuePath(digest), 10);
  EXPECT_EQ(*store->GetValue(digest), std::nullopt);
  ASSERT_TRUE(store->PutValue(value).ok());
  EXPECT_EQ(*store->GetValue(digest), value);
}

TEST_F(ResultStoreTest, OtherFormatVersionIsRefusedWithAdvice) {
  {
    const auto store = Open();
  }
  std::ofstream(directory_ + "/format") << "weft result store, format 2\n";
  const auto store = ResultStore::Open(directory_);
  EXPECT_TRUE(absl::IsFailedPrecondition(store.status()));
  EXPECT_EQ(store.status().message(),
            "opening the store " + directory_ +
                ": it has format 2, this program reads format 1; remove the directory or name "
                "another one");
}

TEST_F(ResultStoreTest, DirectoryThatIsNoStoreIsRefusedAndUntouched) {
  std::ofstream(directory_ + "/thesis.txt") << "precious";
  const auto store = ResultStore::Open(directory_);
  EXPECT_EQ(store.status().message(),
            "opening the store " + directory_ +
                ": the directory is not empty and holds no store; name another directory");
  EXPECT_FALSE(fs::exists(directory_ + "/lock"));
}

TEST_F(ResultStoreTest, ForeignFormatFileIsRefused) {
  std::ofstream(directory_ + "/format") << "A4\n";
  EXPECT_THAT(std::string(ResultStore::Open(directory_).status().message()),
              HasSubstr("its file \"format\" is not that of a store"));
}

TEST_F(ResultStoreTest, IndexThatIsNoIndexIsRefused) {
  {
    const auto store = Open();
  }
  std::ofstream(directory_ + "/index", std::ios::trunc) << std::string(100'000, 'x');
  const auto store = ResultStore::Open(directory_);
  EXPECT_THAT(std::string(store.status().message()),
              HasSubstr("remove the store's directory and run again"));
}

TEST_F(ResultStoreTest, Regression_TruncatedIndexIsAnErrorOrAMissAndNoSignal) {
  std::vector<std::string> texts;
  for (int i = 0; i < 300; ++i) texts.push_back(std::to_string(i) + std::string(1000, 'v'));
  const std::vector<std::string_view> values(texts.begin(), texts.end());
  {
    const auto store = Open();
    ASSERT_TRUE(store->PutResult(DigestOf("key"), ResultOf(values), values, nullptr).ok());
  }
  for (const std::uintmax_t pages : {40, 8, 3, 2}) {
    fs::resize_file(directory_ + "/index", pages * 4096);
    const auto store = ResultStore::Open(directory_);
    if (!store.ok()) {
      EXPECT_THAT(std::string(store.status().message()),
                  HasSubstr("remove the store's directory and run again"));
      continue;
    }
    int found = 0;
    for (const std::string& text : texts) {
      const auto read = (*store)->GetValue(DigestOf(text));
      if (read.ok() && read->has_value()) ++found;
    }
    EXPECT_LT(found, 300) << pages;
  }
}

TEST_F(ResultStoreTest, MapGrowsWhenItIsFull) {
  ResultStoreOptions options;
  options.initial_map_bytes = 128 << 10;
  const auto store = Open(options);
  const std::string filler(1500, 'm');
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(store->PutValue(filler + std::to_string(i)).ok()) << i;
  }
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(*store->HasValue(DigestOf(filler + std::to_string(i)))) << i;
  }
}

TEST_F(ResultStoreTest, ThreadsShareOneStoreWhileItsMapGrows) {
  ResultStoreOptions options;
  options.initial_map_bytes = 128 << 10;
  const auto store = Open(options);
  constexpr int kThreads = 4, kValues = 60;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&store, t] {
      const auto own = ResultStore::Open(store->directory());
      ASSERT_TRUE(own.ok()) << own.status();
      for (int i = 0; i < kValues; ++i) {
        const std::string value = std::string(1000, static_cast<char>('a' + t)) + std::to_string(i);
        const auto digest = (*own)->PutValue(value);
        ASSERT_TRUE(digest.ok()) << digest.status();
        ASSERT_EQ(*store->GetValue(*digest), value);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(store->Stats()->inline_values, kThreads * kValues);
}

TEST_F(ResultStoreTest, StatsCountAndClearEmpties) {
  const auto store = Open();
  ASSERT_TRUE(store->PutResult(DigestOf("k"), ResultOf({"v"}), {"v"}, nullptr).ok());
  const std::string large = LargeValue('c');
  ASSERT_TRUE(store->PutValue(large).ok());
  const auto stats = store->Stats();
  EXPECT_EQ(stats->results, 1);
  EXPECT_EQ(stats->inline_values, 1);
  EXPECT_EQ(stats->inline_bytes, 1);
  EXPECT_EQ(stats->file_values, 1);
  EXPECT_EQ(stats->file_bytes, static_cast<int64_t>(large.size()));
  const auto cleared = store->Clear();
  ASSERT_TRUE(cleared.ok()) << cleared.status();
  EXPECT_EQ(cleared->results, 1);
  EXPECT_EQ(cleared->values, 2);
  EXPECT_EQ(cleared->bytes, 1 + static_cast<int64_t>(large.size()));
  EXPECT_FALSE(cleared->deferred);
  EXPECT_EQ(*store->GetResult(DigestOf("k")), std::nullopt);
  EXPECT_EQ(*store->GetValue(DigestOf(large)), std::nullopt);
  EXPECT_EQ(store->Stats()->file_values, 0);
  ASSERT_TRUE(store->PutValue(large).ok()) << "a cleared store goes on";
  EXPECT_TRUE(*store->HasValue(DigestOf(large)));
}

TEST_F(ResultStoreTest, ClearUnderAnotherProcessDefersAndItsValuesStayReadable) {
  // The child is the one that clears, so that the process with the test's reports stays simple.
  const std::string large = LargeValue('p');
  Digest digest;
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    char byte = 0;
    if (read(ready[0], &byte, 1) != 1) _exit(10);
    auto store = ResultStore::Open(directory_);
    if (!store.ok()) _exit(11);
    const auto cleared = (*store)->Clear();
    if (!cleared.ok() || !cleared->deferred || cleared->values != 1) _exit(12);
    _exit(0);
  }
  {
    const auto store = Open();
    digest = *store->PutValue(large);
    ASSERT_EQ(write(ready[1], "x", 1), 1);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
    EXPECT_EQ(*store->GetValue(digest), large) << "held values stay readable";
    EXPECT_EQ(store->Stats()->retired_bytes, static_cast<int64_t>(large.size()));
  }
  const auto store = Open();
  EXPECT_EQ(*store->GetValue(digest), std::nullopt);
  EXPECT_EQ(store->Stats()->retired_bytes, 0);
  for (const int fd : ready) close(fd);
}

TEST_F(ResultStoreTest, TwoProcessesSeeEachOthersResults) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto store = ResultStore::Open(directory_);
    if (!store.ok()) _exit(11);
    for (int i = 0; i < 20; ++i) {
      const std::string value = "child " + std::to_string(i);
      const std::vector<std::string_view> values = {value};
      if (!(*store)->PutResult(DigestOf(value), ResultOf(values), values, nullptr).ok()) _exit(12);
    }
    _exit(0);
  }
  const auto store = Open();
  for (int i = 0; i < 20; ++i) {
    const std::string value = "parent " + std::to_string(i);
    const std::vector<std::string_view> values = {value};
    ASSERT_TRUE(store->PutResult(DigestOf(value), ResultOf(values), values, nullptr).ok());
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(WEXITSTATUS(status), 0);
  for (int i = 0; i < 20; ++i) {
    for (const char* who : {"parent ", "child "}) {
      const std::string value = who + std::to_string(i);
      const std::vector<std::string_view> values = {value};
      EXPECT_EQ(*store->GetResult(DigestOf(value)), ResultOf(values));
      EXPECT_EQ(*store->GetValue(DigestOf(value)), value);
    }
  }
}

TEST_F(ResultStoreTest, MapThatAnotherProcessEnlargedIsTakenOver) {
  ResultStoreOptions options;
  options.initial_map_bytes = 128 << 10;
  const std::string filler(1500, 'm');
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    char byte = 0;
    if (read(ready[0], &byte, 1) != 1) _exit(10);
    auto store = ResultStore::Open(directory_, options);
    if (!store.ok()) _exit(11);
    for (int i = 0; i < 300; ++i) {
      if (!(*store)->PutValue(filler + std::to_string(i)).ok()) _exit(12);
    }
    _exit(0);
  }
  const auto store = Open(options);
  ASSERT_TRUE(store->PutValue("small").ok());
  ASSERT_EQ(write(ready[1], "x", 1), 1);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(WEXITSTATUS(status), 0);
  EXPECT_TRUE(*store->HasValue(DigestOf(filler + "299"))) << "a reader takes the new size over";
  ASSERT_TRUE(store->PutValue("after").ok());
  EXPECT_EQ(store->Stats()->inline_values, 302);
  for (const int fd : ready) close(fd);
}

}  // namespace
}  // namespace weft
