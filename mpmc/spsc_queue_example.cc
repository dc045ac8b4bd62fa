// A thread that reads samples hands them to one that adds them up; no value is copied on the way.
#include <cstdio>
#include <span>
#include <thread>

#include "mpmc/spsc_queue.h"

struct Sample {
  int channel = 0;
  double volts[15] = {};
};

int main() {
  constexpr int kSamples = 10000;
  weft::SpscQueue<Sample> samples(64);

  std::thread reader([&samples] {
    for (int i = 0; i < kSamples; ++i) {
      Sample* sample = samples.TryPrepare();
      while (sample == nullptr) {
        std::this_thread::yield();
        sample = samples.TryPrepare();
      }
      sample->volts[0] = i;  // In its slot.
      samples.Publish();
    }
    samples.Close();
  });

  double sum = 0;
  while (!samples.IsDrained()) {
    const std::span<Sample> ready = samples.Readable();
    for (const Sample& sample : ready) sum += sample.volts[0];
    samples.PopFront(ready.size());
    if (ready.empty()) std::this_thread::yield();
  }
  reader.join();
  std::printf("mean %.1f V\n", sum / kSamples);
  return sum == kSamples * (kSamples - 1) / 2.0 ? 0 : 1;
}
