// Question: is the CPU quota of control groups found, at each level and in both versions?
// Method: a directory of the test's own plays the root of the file system.
#include "runtime/parallelism.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "gtest/gtest.h"

namespace weft::runtime_internal {
namespace {

class CgroupTest : public testing::Test {
 protected:
  CgroupTest()
      : root_(testing::TempDir() + "/root_" +
              testing::UnitTest::GetInstance()->current_test_info()->name()) {
    std::filesystem::remove_all(root_);
    std::filesystem::create_directories(root_);
  }

  void Write(const std::string& path, const std::string& text) {
    const std::filesystem::path file(root_ + path);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }

  std::optional<double> Quota() { return CgroupCpuQuota(root_); }

 private:
  const std::string root_;
};

TEST_F(CgroupTest, NoFilesMeanNoQuota) { EXPECT_EQ(Quota(), std::nullopt); }

TEST_F(CgroupTest, Version2QuotaIsRead) {
  Write("/proc/self/cgroup", "0::/app\n");
  Write("/sys/fs/cgroup/app/cpu.max", "150000 100000\n");
  EXPECT_EQ(Quota(), 1.5);
}

TEST_F(CgroupTest, Version2MaxMeansNoQuota) {
  Write("/proc/self/cgroup", "0::/app\n");
  Write("/sys/fs/cgroup/app/cpu.max", "max 100000\n");
  EXPECT_EQ(Quota(), std::nullopt);
}

TEST_F(CgroupTest, TheSmallestQuotaOfAllLevelsCounts) {
  Write("/proc/self/cgroup", "0::/slice/app\n");
  Write("/sys/fs/cgroup/slice/app/cpu.max", "800000 100000\n");
  Write("/sys/fs/cgroup/slice/cpu.max", "200000 100000\n");
  EXPECT_EQ(Quota(), 2.0);
}

TEST_F(CgroupTest, QuotaOfTheNamespaceRootCounts) {
  Write("/proc/self/cgroup", "0::/\n");
  Write("/sys/fs/cgroup/cpu.max", "50000 100000\n");
  EXPECT_EQ(Quota(), 0.5);
}

TEST_F(CgroupTest, Version1QuotaIsRead) {
  Write("/proc/self/cgroup", "5:memory:/app\n4:cpu,cpuacct:/app\n3:cpuset:/app\n");
  Write("/sys/fs/cgroup/cpu/app/cpu.cfs_quota_us", "300000\n");
  Write("/sys/fs/cgroup/cpu/app/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(Quota(), 3.0);
}

TEST_F(CgroupTest, Version1MinusOneMeansNoQuota) {
  Write("/proc/self/cgroup", "4:cpu,cpuacct:/\n");
  Write("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  Write("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(Quota(), std::nullopt);
}

TEST_F(CgroupTest, NonsenseIsIgnored) {
  Write("/proc/self/cgroup", "nonsense\n0::/app\n");
  Write("/sys/fs/cgroup/app/cpu.max", "many few\n");
  EXPECT_EQ(Quota(), std::nullopt);
}

TEST(AvailableParallelismTest, IsAtLeastOne) { EXPECT_GE(AvailableParallelism(), 1); }

}  // namespace
}  // namespace weft::runtime_internal
