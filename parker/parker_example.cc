// A thread sleeps until another one has the answer.
#include <cstdio>
#include <thread>

#include "parker/parker.h"

int main() {
  weft::Parker parker;
  int answer = 0;

  std::thread worker([&answer, unparker = parker.unparker()] {
    answer = 6 * 7;
    unparker.Unpark();  // Publishes `answer` and wakes the sleeper.
  });
  parker.Park();
  std::printf("the answer is %d\n", answer);

  worker.join();
  return answer == 42 ? 0 : 1;
}
