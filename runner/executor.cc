#include "runner/executor.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/io.h"
#include "runner/attempt.h"

namespace airlock::runner {

struct Executor::Impl {
  Impl(CellFactory factory, const Digest& sandbox_profile, bundle::Store& blobs, Clock& time, sandbox::Cancel stop, UniqueFd event)
      : cells(std::move(factory)), profile(sandbox_profile), store(blobs), clock(time), cancel(std::move(stop)),
        has_result(std::move(event)) {}

  void work(std::unique_ptr<Cell> cell);
  AttemptResult carry_out(const AttemptSpec& attempt, std::unique_ptr<Cell>& cell);

  const CellFactory cells;
  const Digest profile;
  bundle::Store& store;
  Clock& clock;
  sandbox::Cancel cancel;
  const UniqueFd has_result;  // an eventfd, so that the loop can wait for results and for its canceller at once

  std::mutex mutex;  // guards what follows
  std::condition_variable has_work;
  std::deque<AttemptSpec> queue;
  std::vector<AttemptResult> results;
  bool closing = false;

  std::vector<std::thread> workers;
};

AttemptResult Executor::Impl::carry_out(const AttemptSpec& attempt, std::unique_ptr<Cell>& cell) {
  std::optional<Error> error;
  if (cancel.level() != sandbox::Cancel::Level::kNone) {
    error = Error{Code::kInterrupted, "the run was stopped before the attempt began"};
  } else if (!cell) {
    auto made = cells();
    if (made) cell = std::move(*made);
    else error = made.error();
  }
  if (!error) return run_attempt(attempt, *cell, store, cancel, clock);
  AttemptResult result;
  result.step = attempt.step;
  result.attempt = attempt.attempt;
  result.outcome = error->code == Code::kInterrupted ? AttemptOutcome::kCancelled : AttemptOutcome::kRetryable;
  result.error = std::move(error);
  result.started_at = result.ended_at = clock.now();
  return result;
}

void Executor::Impl::work(std::unique_ptr<Cell> cell) {
  std::unique_lock lock(mutex);
  for (;;) {
    has_work.wait(lock, [&] { return closing || !queue.empty(); });
    if (closing) return;
    const AttemptSpec attempt = std::move(queue.front());
    queue.pop_front();
    lock.unlock();
    AttemptResult result = carry_out(attempt, cell);
    lock.lock();
    results.push_back(std::move(result));
    const std::uint64_t one = 1;
    (void)!::write(has_result.get(), &one, sizeof one);  // ignoring: can only fail when it is readable already
  }
}

Executor::Executor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Executor>> Executor::create(CellFactory cells, std::size_t workers, const Digest& profile,
                                                   bundle::Store& store, Clock& clock) {
  auto first = TRY(cells());
  UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event) return os_fail("eventfd", "for results");
  auto impl = std::make_unique<Impl>(std::move(cells), profile, store, clock, TRY(sandbox::Cancel::create()), std::move(event));
  Impl* const self = impl.get();
  for (std::size_t i = 0; i < std::max<std::size_t>(1, workers); ++i)
    self->workers.emplace_back([self, cell = std::move(first)]() mutable { self->work(std::move(cell)); });
  return std::unique_ptr<Executor>(new Executor(std::move(impl)));
}

Executor::~Executor() {
  impl_->cancel.request(sandbox::Cancel::Level::kKill);
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->closing = true;
  }
  impl_->has_work.notify_all();
  for (std::thread& worker : impl_->workers) worker.join();
}

std::size_t Executor::capacity() const { return impl_->workers.size(); }
const Digest& Executor::profile() const { return impl_->profile; }
void Executor::cancel(sandbox::Cancel::Level level) { impl_->cancel.request(level); }

void Executor::launch(AttemptSpec attempt) {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->queue.push_back(std::move(attempt));
  }
  impl_->has_work.notify_one();
}

std::vector<AttemptResult> Executor::wait(Millis timeout, const UniqueFd* wake) {
  pollfd fds[] = {{impl_->has_result.get(), POLLIN, 0}, {wake != nullptr ? wake->get() : -1, POLLIN, 0}};
  ::poll(fds, 2, static_cast<int>(std::min<std::int64_t>(timeout.count(), 60'000)));  // interrupted: as if the time were up
  const std::lock_guard lock(impl_->mutex);
  std::uint64_t count = 0;
  (void)!::read(impl_->has_result.get(), &count, sizeof count);  // ignoring: fails when nothing was there to read
  return std::exchange(impl_->results, {});
}

}  // namespace airlock::runner
