// The contract of the file functions, on real files, through the executor.
#include "io/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "future/context.h"
#include "future/manual_executor.h"
#include "future/task.h"
#include "future/waker.h"
#include "gtest/gtest.h"
#include "io/blocking_file.h"

namespace weft {
namespace {

class FileTest : public testing::Test {
 protected:
  FileTest() {
    std::string pattern = testing::TempDir() + "/file_test_XXXXXX";
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }

  std::string Path(const std::string& name) const { return directory_ + "/" + name; }
  void Put(const std::string& name, const std::string& bytes) {
    ASSERT_EQ(WriteFileBlocking(Path(name), bytes), absl::OkStatus());
  }
  std::vector<std::string> Paths(ListTreeOptions options = {}) {
    absl::StatusOr<std::vector<TreeEntry>> entries =
        executor_.BlockOn(ListTree(directory_, std::move(options)));
    EXPECT_TRUE(entries.ok()) << entries.status();
    std::vector<std::string> paths;
    for (const TreeEntry& entry : *entries) paths.push_back(entry.path);
    return paths;
  }

  ManualExecutor executor_;
  std::string directory_;
};

TEST_F(FileTest, WhatIsWrittenIsRead) {
  const std::string bytes("two\nlines\0and a NUL", 19);
  EXPECT_EQ(executor_.BlockOn(WriteFile(Path("f"), bytes)), absl::OkStatus());
  EXPECT_EQ(executor_.BlockOn(ReadFile(Path("f"))).value(), bytes);
  EXPECT_EQ(executor_.BlockOn(WriteFile(Path("f"), "")), absl::OkStatus());
  EXPECT_EQ(executor_.BlockOn(ReadFile(Path("f"))).value(), "");
}

TEST_F(FileTest, WritingLeavesNoTemporaryFileBehindAndKeepsTheUmask) {
  const mode_t umask_before = umask(027);
  EXPECT_EQ(executor_.BlockOn(WriteFile(Path("f"), "x", {.mode = 0666})), absl::OkStatus());
  umask(umask_before);
  EXPECT_EQ(Paths(), std::vector<std::string>{"f"});
  EXPECT_EQ(executor_.BlockOn(Stat(Path("f")))->mode, 0640u);
}

TEST_F(FileTest, AWriteThatFailsChangesNothingAndLeavesNothing) {
  ASSERT_EQ(mkdir(Path("directory").c_str(), 0777), 0);
  Put("directory/inside", "x");
  const absl::Status status = executor_.BlockOn(WriteFile(Path("directory"), "x"));
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  EXPECT_EQ(Paths(), (std::vector<std::string>{"directory", "directory/inside"}));
  EXPECT_EQ(executor_.BlockOn(WriteFile(Path("none/f"), "x")).code(), absl::StatusCode::kNotFound);
}

TEST_F(FileTest, ReadingWhatIsNotThereNamesThePath) {
  const absl::Status status = executor_.BlockOn(ReadFile(Path("none"))).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(status.message(), "reading \"" + Path("none") + "\": No such file or directory");
}

TEST_F(FileTest, ReadingAFileThatIsLongerThanAllowedIsRefused) {
  Put("f", "12345");
  EXPECT_EQ(executor_.BlockOn(ReadFile(Path("f"), {.max_bytes = 5})).value(), "12345");
  const absl::Status status = executor_.BlockOn(ReadFile(Path("f"), {.max_bytes = 4})).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(status.message(),
            "reading \"" + Path("f") +
                "\": expected at most 4 bytes, found more; raise max_bytes or split the file");
}

TEST_F(FileTest, OnlyRegularFilesAreRead) {
  ASSERT_EQ(mkfifo(Path("fifo").c_str(), 0666), 0);
  EXPECT_EQ(executor_.BlockOn(ReadFile(Path("fifo"))).status().message(),
            "reading \"" + Path("fifo") + "\": expected a regular file, found a device or a pipe");
  EXPECT_EQ(executor_.BlockOn(ReadFile(directory_)).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(FileTest, AFileWhoseSizeIsNotKnownBeforehandIsReadToItsEnd) {
  const absl::StatusOr<std::string> status = executor_.BlockOn(ReadFile("/proc/self/status"));
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_NE(status->find("VmPeak"), std::string::npos);
}

TEST_F(FileTest, ReadingBeneathARootDoesNotLeaveIt) {
  ASSERT_EQ(mkdir(Path("root").c_str(), 0777), 0);
  ASSERT_EQ(mkdir(Path("root/sub").c_str(), 0777), 0);
  Put("secret", "secret");
  Put("root/sub/f", "inside");
  ASSERT_EQ(symlink("../secret", Path("root/link").c_str()), 0);
  ASSERT_EQ(symlink("..", Path("root/up").c_str()), 0);
  const auto read = [&](const std::string& path) {
    return executor_.BlockOn(ReadFileBeneath(Path("root"), path));
  };
  EXPECT_EQ(read("sub/f").value(), "inside");
  for (const char* const path :
       {"../secret", "/etc/passwd", "sub/../../secret", "", ".", "sub//f", "sub/", "./sub/f"}) {
    EXPECT_EQ(read(path).status().code(), absl::StatusCode::kInvalidArgument) << path;
  }
  for (const char* const path : {"link", "up/secret"}) {
    EXPECT_EQ(read(path).status().code(), absl::StatusCode::kPermissionDenied) << path;
  }
  EXPECT_EQ(read("link").status().message(),
            "reading \"link\" below \"" + Path("root") +
                "\": \"link\" is a symbolic link, which is not followed here");
  EXPECT_EQ(read("sub/none").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(FileTest, StatTellsKindAndSizeAndFollowsLinks) {
  Put("f", "12345");
  ASSERT_EQ(symlink("f", Path("link").c_str()), 0);
  for (const char* const name : {"f", "link"}) {
    const absl::StatusOr<FileInfo> info = executor_.BlockOn(Stat(Path(name)));
    ASSERT_TRUE(info.ok()) << info.status();
    EXPECT_EQ(info->kind, FileKind::kRegular);
    EXPECT_EQ(info->size, 5u);
  }
  EXPECT_EQ(executor_.BlockOn(Stat(directory_))->kind, FileKind::kDirectory);
  EXPECT_EQ(executor_.BlockOn(Stat(Path("none"))).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(FileTest, ATreeIsListedInOrderWithoutFollowingLinks) {
  for (const char* const name : {"b", "a", "b/c"}) {
    ASSERT_EQ(mkdir(Path(name).c_str(), 0777), 0);
  }
  Put("b/c/f", "x");
  Put("a.txt", "x");
  ASSERT_EQ(symlink("b", Path("link").c_str()), 0);
  EXPECT_EQ(Paths(), (std::vector<std::string>{"a", "a.txt", "b", "b/c", "b/c/f", "link"}));
  ListTreeOptions options;
  options.skip = [](std::string_view path, const FileInfo& info) {
    return path == "b/c" || info.kind == FileKind::kSymlink;
  };
  EXPECT_EQ(Paths(std::move(options)), (std::vector<std::string>{"a", "a.txt", "b"}));
  ListTreeOptions few;
  few.max_entries = 5;
  EXPECT_EQ(executor_.BlockOn(ListTree(directory_, few)).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(executor_.BlockOn(ListTree(Path("none"))).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(FileTest, ACancelledReadEndsItsTaskAtOnceAndTheJobGoesOnAlone) {
  Put("f", "x");
  Task<absl::StatusOr<std::string>> read = ReadFile(Path("f"));
  const Waker waker;
  Context cx(waker, executor_.token(), &executor_);
  EXPECT_TRUE(read.poll(cx).IsPending()) << "the job is queued";
  Context stop = cx.WithStop();
  EXPECT_TRUE(read.poll(stop).IsStopped());
  EXPECT_EQ(executor_.live_tasks(), 1u) << "the job";
  executor_.RunUntilStalled();
  EXPECT_EQ(executor_.live_tasks(), 0u);
}

}  // namespace
}  // namespace weft
