// The contract of dag/tree.h.
#include "dag/tree.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/status/status.h"
#include "dag/digest.h"
#include "dag/spec.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

class TreeTest : public testing::Test {
 protected:
  TreeTest() {
    std::string pattern = testing::TempDir() + "/weft_tree_XXXXXX";
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    tree_.root = pattern;
  }
  ~TreeTest() override { fs::remove_all(tree_.root); }

  void Write(const std::string& path, const std::string& text) {
    const fs::path full = fs::path(tree_.root) / path;
    fs::create_directories(full.parent_path());
    std::ofstream(full, std::ios::binary) << text;
  }

  std::vector<std::string> Paths() {
    std::vector<std::string> paths;
    const auto entries = ListTree(tree_);
    EXPECT_TRUE(entries.ok()) << entries.status();
    for (const ListedFile& entry : *entries) paths.push_back(entry.path);
    return paths;
  }

  TreeInput tree_;
};

TEST_F(TreeTest, ListsFilesInTheOrderOfTheirPathsWithTheirDigests) {
  Write("b", "B");
  Write("a/z", "Z");
  Write("a.c", "");
  const auto entries = ListTree(tree_);
  ASSERT_TRUE(entries.ok());
  EXPECT_THAT(*entries,
              ElementsAre(ListedFile{"a.c", DigestOf("")}, ListedFile{"a/z", DigestOf("Z")},
                          ListedFile{"b", DigestOf("B")}));
}

TEST_F(TreeTest, GlobsTakeAndExclusionsLeaveOut) {
  for (const char* path : {"a.h", "a.cc", "x/b.h", "x/y/c.h", "out/d.h", "x/out/e.h"}) {
    Write(path, path);
  }
  tree_.globs = {"**/*.h"};
  tree_.exclude = {"out/**", "x/b.?"};
  EXPECT_THAT(Paths(), ElementsAre("a.h", "x/out/e.h", "x/y/c.h"));
  tree_.exclude = {"**/out/**"};
  EXPECT_THAT(Paths(), ElementsAre("a.h", "x/b.h", "x/y/c.h"));
}

TEST_F(TreeTest, TextOnlyLeavesOutFilesWithANulByteAtTheirStart) {
  Write("text", "plain");
  Write("binary", std::string("\x7f"
                              "ELF\0",
                              5));
  Write("empty", "");
  tree_.files = TreeFiles::kTextOnly;
  EXPECT_THAT(Paths(), ElementsAre("empty", "text"));
}

TEST_F(TreeTest, SymbolicLinksAreSkippedOrRefusedNeverFollowed) {
  Write("dir/file", "x");
  fs::create_symlink("file", fs::path(tree_.root) / "dir/link");
  fs::create_directory_symlink("dir", fs::path(tree_.root) / "loop");
  EXPECT_THAT(Paths(), ElementsAre("dir/file"));
  tree_.symlinks = TreeSymlinks::kRefuse;
  tree_.exclude = {"loop"};
  const auto refused = ListTree(tree_);
  EXPECT_TRUE(absl::IsFailedPrecondition(refused.status()));
  EXPECT_EQ(refused.status().message(), "the tree holds the symbolic link " + tree_.root +
                                            "/dir/link; exclude it, or say symlinks: SKIP");
}

TEST_F(TreeTest, MissingRootIsNamed) {
  tree_.root += "/none";
  const auto entries = ListTree(tree_);
  EXPECT_TRUE(absl::IsNotFound(entries.status()));
  EXPECT_EQ(entries.status().message(), "the tree " + tree_.root + " is no directory");
}

TEST_F(TreeTest, PathWithALineBreakIsRefused) {
  Write("a\nb", "x");
  EXPECT_TRUE(absl::IsFailedPrecondition(ListTree(tree_).status()));
}

TEST(TreeListing, FormatAndParseAreInverse) {
  const std::vector<ListedFile> entries = {{"a b", DigestOf("1")}, {"c", DigestOf("")}};
  const std::string listing = FormatTree(entries);
  EXPECT_EQ(listing, DigestOf("1").ToString() + " a b\n" + DigestOf("").ToString() + " c\n");
  EXPECT_EQ(*ParseTree(listing), entries);
  EXPECT_TRUE(ParseTree("")->empty());
  EXPECT_EQ(ParseTree(listing + "x y\n").status().message(),
            "line 3 of a listing: expected \"HASH/SIZE PATH\", found \"x y\"");
  EXPECT_FALSE(ParseTree(listing.substr(0, listing.size() - 1)).ok());
}

TEST(Glob, StarsAndSegments) {
  EXPECT_TRUE(MatchesGlob("a", "a"));
  EXPECT_FALSE(MatchesGlob("a", "ab"));
  EXPECT_TRUE(MatchesGlob("*.cc", "x.cc"));
  EXPECT_FALSE(MatchesGlob("*.cc", "d/x.cc"));
  EXPECT_TRUE(MatchesGlob("**/*.cc", "x.cc"));
  EXPECT_TRUE(MatchesGlob("**/*.cc", "d/e/x.cc"));
  EXPECT_TRUE(MatchesGlob("d/**", "d/e/f"));
  EXPECT_TRUE(MatchesGlob("**", "d/e/f"));
  EXPECT_FALSE(MatchesGlob("data/**", "database/x"));
  EXPECT_TRUE(MatchesGlob("a/**/b/*/c?", "a/x/b/y/b/z/c1"));
  EXPECT_FALSE(MatchesGlob("a/**/b", "a/b/c"));
  EXPECT_TRUE(MatchesGlob("a*b*c", "a--b--b--c"));
  EXPECT_FALSE(MatchesGlob("a*b*c", "a--b--b--d"));
  EXPECT_FALSE(MatchesGlob("", "a"));
}

}  // namespace
}  // namespace weft
