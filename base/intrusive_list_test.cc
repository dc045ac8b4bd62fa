// Question: does IntrusiveList keep its order under insertion and removal anywhere, and does it
// refuse misuse?
#include "base/intrusive_list.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Item : IntrusiveListNode<Item> {
  explicit Item(int item_id) : id(item_id) {}
  int id;
};

std::vector<int> Ids(IntrusiveList<Item>* list) {
  std::vector<int> ids;
  for (Item* item = list->Front(); item != nullptr; item = list->Next(item))
    ids.push_back(item->id);
  return ids;
}

void Drain(IntrusiveList<Item>* list) {
  while (list->PopFront() != nullptr) {
  }
}

TEST(IntrusiveListTest, NewListIsEmpty) {
  IntrusiveList<Item> list;
  EXPECT_TRUE(list.IsEmpty());
  EXPECT_EQ(list.Front(), nullptr);
  EXPECT_EQ(list.PopFront(), nullptr);
}

TEST(IntrusiveListTest, PopsInPushBackOrder) {
  IntrusiveList<Item> list;
  Item a(1), b(2), c(3);
  for (Item* item : {&a, &b, &c}) list.PushBack(item);
  EXPECT_THAT(Ids(&list), ElementsAre(1, 2, 3));
  EXPECT_EQ(list.PopFront(), &a);
  EXPECT_EQ(list.PopFront(), &b);
  EXPECT_EQ(list.PopFront(), &c);
  EXPECT_TRUE(list.IsEmpty());
}

TEST(IntrusiveListTest, PushFrontGoesBeforeAll) {
  IntrusiveList<Item> list;
  Item a(1), b(2);
  list.PushFront(&a);
  list.PushFront(&b);
  EXPECT_THAT(Ids(&list), ElementsAre(2, 1));
  Drain(&list);
}

TEST(IntrusiveListTest, UnlinkWorksAtFrontMiddleAndBack) {
  for (int removed = 0; removed < 3; ++removed) {
    IntrusiveList<Item> list;
    Item items[] = {Item(0), Item(1), Item(2)};
    for (Item& item : items) list.PushBack(&item);
    items[removed].Unlink();
    EXPECT_FALSE(items[removed].IsLinked());
    std::vector<int> rest;
    for (int i = 0; i < 3; ++i) {
      if (i != removed) rest.push_back(i);
    }
    EXPECT_EQ(Ids(&list), rest);
    Drain(&list);
  }
}

TEST(IntrusiveListTest, ElementMovesFromOneListToAnother) {
  IntrusiveList<Item> first;
  IntrusiveList<Item> second;
  Item a(1);
  first.PushBack(&a);
  EXPECT_TRUE(a.IsLinked());
  a.Unlink();
  second.PushBack(&a);
  EXPECT_THAT(Ids(&first), IsEmpty());
  EXPECT_THAT(Ids(&second), ElementsAre(1));
  Drain(&second);
}

TEST(IntrusiveListDeathTest, RefusesAnElementThatIsInAList) {
  IntrusiveList<Item> list;
  Item a(1);
  list.PushBack(&a);
  EXPECT_DEBUG_DEATH(list.PushBack(&a), "the element is in a list already");
  if (a.IsLinked()) a.Unlink();
}

TEST(IntrusiveListDeathTest, RefusesToUnlinkWhatIsInNoList) {
#ifndef NDEBUG
  Item a(1);
  EXPECT_DEATH(a.Unlink(), "the element is in no list");
#endif
}

TEST(IntrusiveListDeathTest, RefusesToDestroyALinkedElement) {
#ifndef NDEBUG
  EXPECT_DEATH(
      {
        IntrusiveList<Item> list;
        Item a(1);
        list.PushBack(&a);
      },
      "destroyed while linked");
#endif
}

}  // namespace
}  // namespace weft
