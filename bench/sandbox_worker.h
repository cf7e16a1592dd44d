// A process with a slot of its own that starts steps when asked, so that runners in different conditions can be timed in
// turn: with many mounts around them, with much memory of their own, several at once.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

class Worker {
 public:
  // `prepare` runs first in the process; false: it cannot be had here.
  Worker(const std::string& folder, const std::string& program, const std::function<bool()>& prepare);
  ~Worker();
  Worker(const Worker&) = delete;

  bool ready() const { return ready_; }
  void ask(unsigned starts);    // returns at once
  // Of the starts asked for: each one's microseconds. Empty: one failed. `user_micros`: time in the runner's own code.
  std::vector<double> answer(double* user_micros = nullptr);

 private:
  [[noreturn]] static void serve(const std::string& folder, const std::string& program, const std::function<bool()>& prepare, int in, int out);
  pid_t pid_ = -1;
  int to_ = -1, from_ = -1;
  unsigned asked_ = 0;
  bool ready_ = false;
};
