// Question: does a reader of a ring see whole records only, without a gap, and all that were pushed
// before, while the owner overwrites? Is each order needed for that?
// Method: the body that ships, over tools/model, explored exhaustively; each mutant must fail.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "gtest/gtest.h"
#include "runtime/internal/event_ring.h"
#include "tools/model/model.h"
#include "tools/model/testing.h"

namespace weft::runtime_internal {
namespace {

using Ring = BasicEventRing<model::Atomics, 2>;

void Push(Ring& ring, uint64_t number) { ring.Push({number, 10 * number}); }

// Reads, and asserts that the records are numbers without a gap, whole.
uint64_t ReadUpTo(const Ring& ring) {
  const Ring::Contents contents = ring.Read();
  uint64_t next = contents.dropped + 1;
  for (const Ring::Record& record : contents.records) {
    model::Assert(record[0] == next && record[1] == 10 * next, "a record of another time");
    ++next;
  }
  return next - 1;
}

// The owner pushes records 3 and 4 over 1 and 2.
void OwnerLapsReader() {
  Ring ring(2);
  Push(ring, 1);
  Push(ring, 2);
  model::Thread owner([&] {
    Push(ring, 3);
    Push(ring, 4);
  });
  (void)ReadUpTo(ring);
  owner.Join();
  model::Assert(ReadUpTo(ring) == 4, "the last record is missing");
}

// The first record; the reader has heard of it.
void ReaderHasHeardOfARecord() {
  Ring ring(2);
  model::Atomic<int> news{0};
  model::Thread owner([&] {
    Push(ring, 1);
    news.store(1, std::memory_order_release);
  });
  const bool has_heard = news.load(std::memory_order_acquire) == 1;
  const uint64_t read = ReadUpTo(ring);
  model::Assert(!has_heard || read == 1, "a record is missing");
  owner.Join();
}

const std::vector<model::Scenario>& Scenarios() {
  static const auto* const kScenarios =
      new std::vector<model::Scenario>{{"OwnerLapsReader", OwnerLapsReader, {}},
                                       {"ReaderHasHeardOfARecord", ReaderHasHeardOfARecord, {}}};
  return *kScenarios;
}

TEST(EventRingModelTest, HoldsInEveryBehaviour) { model::ExpectHolds(Scenarios()); }

TEST(EventRingMutantTest, EveryMutantIsCaught) {
  model::ExpectMutantsCaught({"runtime/internal/event_ring.h"}, Scenarios());
}

TEST(EventRingTest, KeepsTheLastRecordsAndCountsTheOthers) {
  BasicEventRing<StdAtomics, 1> ring(3);  // keeps four
  EXPECT_TRUE(ring.Read().records.empty());
  for (uint64_t i = 0; i < 10; ++i) ring.Push({i});
  const auto contents = ring.Read();
  ASSERT_EQ(contents.records.size(), 3u);  // not the one that would be overwritten next
  EXPECT_EQ(contents.dropped, 7u);
  EXPECT_EQ(contents.records.front()[0], 7u);
  const auto last = ring.Read(1);
  ASSERT_EQ(last.records.size(), 1u);
  EXPECT_EQ(last.records.front()[0], 9u);
  EXPECT_EQ(ring.pushed(), 10u);
}

}  // namespace
}  // namespace weft::runtime_internal
