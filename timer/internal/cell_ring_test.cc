// Order and memory of a ring under random appending and erasing, against a list.
#include "timer/internal/cell_ring.h"

#include <cstddef>
#include <cstdint>
#include <list>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "timer/internal/chunk_pool.h"

namespace weft::timer_internal {
namespace {

void Append(CellRing* ring, TimerNode* node, ChunkPool* pool) {
  if (ring->IsFull()) ring->MakeRoom(pool);
  ASSERT_FALSE(ring->IsFull());
  ring->Append(node, 7);
}

// Takes a timer out in one of the ways there are.
void Erase(CellRing* ring, TimerNode* node, bool knows_ring, bool is_last, ChunkPool* pool) {
  if (ring->EraseYoungest(node)) {
    ASSERT_FALSE(is_last);
  } else if (knows_ring) {
    ASSERT_EQ(ring->Erase(node, pool), is_last);
  } else {
    ASSERT_EQ(CellRing::EraseAnywhere(node, pool), is_last ? ring : nullptr);
  }
  ASSERT_EQ(node->cell, nullptr);
}

// Empties the ring and returns its timers in their order.
std::vector<TimerNode*> Drain(CellRing* ring, ChunkPool* pool) {
  std::vector<TimerNode*> nodes;
  while (!ring->IsEmpty()) {
    Chunk* const chunk = ring->TakeFirst();
    EXPECT_GT(chunk->live, 0);
    for (int i = chunk->begin; i < chunk->end; ++i) {
      if (chunk->cells[i] == 0) continue;
      EXPECT_EQ(NodeOf(chunk->cells[i])->cell, &chunk->cells[i]);
      nodes.push_back(NodeOf(chunk->cells[i]));
    }
    pool->Give(chunk);
  }
  return nodes;
}

size_t CountChunks(CellRing* ring, ChunkPool* pool) {
  size_t count = 0;
  while (!ring->IsEmpty()) {
    pool->Give(ring->TakeFirst());
    ++count;
  }
  return count;
}

TEST(CellRingTest, KeepsTheOrderOfAppendingWhateverIsErased) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 200; ++round) {
    ChunkPool pool;
    CellRing ring;
    std::vector<TimerNode> nodes(500);
    std::list<TimerNode*> expected;
    const uint64_t appends = 1 + random() % 9;
    for (int step = 0; step < 3'000; ++step) {
      TimerNode* const node = &nodes[random() % nodes.size()];
      if (node->cell != nullptr) {
        expected.remove(node);
        Erase(&ring, node, random() % 2 == 0, expected.empty(), &pool);
        if (HasFatalFailure()) return;
      } else if (random() % 10 < appends) {
        Append(&ring, node, &pool);
        expected.push_back(node);
      }
      ASSERT_EQ(ring.IsEmpty(), expected.empty());
    }
    ASSERT_EQ(Drain(&ring, &pool), std::vector<TimerNode*>(expected.begin(), expected.end()));
  }
}

TEST(CellRingTest, SpliceAppendsTheWholeRing) {
  ChunkPool pool;
  for (const size_t first : {0, 1, 30, 61, 62, 400}) {
    for (const size_t second : {0, 1, 20, 61, 62, 400}) {
      std::vector<TimerNode> nodes(first + second);
      CellRing a, b;
      std::vector<TimerNode*> expected;
      for (size_t i = 0; i < nodes.size(); ++i) {
        Append(i < first ? &a : &b, &nodes[i], &pool);
        expected.push_back(&nodes[i]);
      }
      a.Splice(&b, &pool);
      EXPECT_TRUE(b.IsEmpty());
      EXPECT_EQ(Drain(&a, &pool), expected);
    }
  }
}

// The bound of MostChunks(), for each share of timers that stays.
TEST(CellRingTest, SparseRingsShrink) {
  constexpr size_t kNodes = 30'000;
  std::mt19937_64 random(4);
  for (const uint64_t keep : {1, 2, 4, 8, 20, 61, 100, 1000}) {
    ChunkPool pool;
    CellRing ring;
    std::vector<TimerNode> nodes(kNodes);
    size_t kept = kNodes;
    for (TimerNode& node : nodes) Append(&ring, &node, &pool);
    for (TimerNode& node : nodes) {
      if (random() % keep == 0) continue;
      CellRing::EraseAnywhere(&node, &pool);
      --kept;
    }
    EXPECT_LE(CountChunks(&ring, &pool), CellRing::MostChunks(kept, 1)) << "one of " << keep;
  }
}

// The youngest go without a look at the chunk before, also where that one holds few: the last two
// chunks of a ring may hold two timers.
TEST(CellRingTest, ErasingTheYoungestKeepsTheBoundAndTheOrder) {
  for (size_t kept_before = 1; kept_before <= 30; ++kept_before) {
    ChunkPool pool;
    CellRing ring, other;
    std::vector<TimerNode> nodes(Chunk::kCells + 31);
    for (TimerNode& node : nodes) Append(&ring, &node, &pool);
    for (size_t i = kept_before; i < Chunk::kCells; ++i) ASSERT_FALSE(ring.Erase(&nodes[i], &pool));
    size_t kept = kept_before + 31;
    while (kept > kept_before + 1) {
      TimerNode* const youngest = &nodes[Chunk::kCells + --kept - kept_before];
      ASSERT_FALSE(ring.EraseYoungest(youngest) ? false : ring.Erase(youngest, &pool));
    }
    std::vector<TimerNode*> expected;
    for (size_t i = 0; i < kept_before; ++i) expected.push_back(&nodes[i]);
    expected.push_back(&nodes[Chunk::kCells]);
    EXPECT_FALSE(other.EraseYoungest(expected.back())) << "another ring says no";
    // What was the end of one ring is the middle of another.
    Append(&other, &nodes[kept_before], &pool);
    ring.Splice(&other, &pool);
    expected.push_back(&nodes[kept_before]);
    EXPECT_EQ(ring.TakeOldest(&pool), expected[0]);
    expected.erase(expected.begin());
    EXPECT_EQ(Drain(&ring, &pool), expected);

    for (TimerNode* const node : expected) Append(&ring, node, &pool);
    EXPECT_LE(CountChunks(&ring, &pool), CellRing::MostChunks(expected.size(), 1));
  }
}

TEST(CellRingTest, ATimerThatIsInNoRingIsNobodysYoungest) {
  CellRing ring;
  TimerNode node;
  EXPECT_FALSE(ring.EraseYoungest(&node));
}

TEST(CellRingTest, RepeatedAppendingAndErasingUsesOneChunk) {
  ChunkPool pool;
  CellRing ring;
  TimerNode stays, comes;
  Append(&ring, &stays, &pool);
  for (int i = 0; i < 1'000; ++i) {
    Append(&ring, &comes, &pool);
    EXPECT_TRUE(ring.EraseYoungest(&comes));
  }
  EXPECT_EQ(CountChunks(&ring, &pool), 1u);
}

}  // namespace
}  // namespace weft::timer_internal
