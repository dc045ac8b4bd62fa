// A program of an outside user: numbers go through weft's deque.
#include "deque/deque.h"

int main() {
  weft::Deque<int> numbers;
  for (int i = 1; i <= 10; ++i) numbers.Push(i);
  int sum = 0;
  while (const auto number = numbers.Pop()) sum += *number;
  return sum == 55 ? 0 : 1;
}
