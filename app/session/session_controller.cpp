// SPDX-License-Identifier: GPL-3.0-or-later
// Holds the session, drains it 30 times a second, follows the files of runs that train elsewhere.
#include "app/session/session_controller.h"

#include <QMetaObject>
#include <chrono>

#include "app/session/run_watcher.h"

namespace serp::app {
namespace {

constexpr int kDrainMs = 33;
constexpr int kSaveAnswerMs = 3000;  // a save at a step that is already saved has no answer

bool isEnd(RunState state) { return state == RunState::Finished || state == RunState::Failed; }

Wish wishOf(const Command& command) {
  if (std::holds_alternative<Pause>(command)) return Wish::Pause;
  if (std::holds_alternative<Resume>(command)) return Wish::Resume;
  if (std::holds_alternative<StepOnce>(command)) return Wish::Step;
  if (std::holds_alternative<Save>(command)) return Wish::Save;
  if (const auto* stop = std::get_if<Stop>(&command)) return stop->save ? Wish::Stop : Wish::Discard;
  return Wish::None;
}

}  // namespace

SessionController::SessionController(Opener opener, QObject* parent)
    : QObject(parent), opener_(std::move(opener)), buffer_(2048) {
  timer_.setInterval(kDrainMs);
  timer_.setTimerType(Qt::PreciseTimer);
  connect(&timer_, &QTimer::timeout, this, &SessionController::drain);
}

SessionController::~SessionController() {
  watcher_.reset();
  session_.reset();
  retiring_.clear();                                 // joins
}

bool SessionController::isActive() const { return (session_ && !isEnd(state_)) || !continuing_.resumeFrom.empty(); }

template <class Old>
void SessionController::joinInBackground(Old old) {
  if (!old) return;
  std::erase_if(retiring_, [](const auto& done) { return done.wait_for(std::chrono::seconds(0)) == std::future_status::ready; });
  retiring_.push_back(std::async(std::launch::async, [old = std::move(old)]() mutable { old.reset(); }));
}

void SessionController::retire() {
  joinInBackground(std::move(watcher_));
  continuing_ = {};
  timer_.stop();
  lastRouting_.reset();
  informed_ = false;
  wish_ = Wish::None;
  ++showing_;
  if (!session_) return;
  session_->onWake({});
  joinInBackground(std::move(session_));
}

bool SessionController::start(const RunSpec& spec, const std::filesystem::path& runsFolder, OpenOptions options) {
  const auto folder = serp::newRunFolder(runsFolder, spec.name, static_cast<std::uint64_t>(spec.train.integer("seed")));
  if (options.spareCores == 0) options.spareCores = 1;
  auto opened = opener_(spec, folder, options);
  if (!opened) {
    faults_ = opened.faults();
    return false;
  }
  retire();
  faults_ = {};
  spec_ = spec;
  folder_ = folder;
  status_.clear();
  series_.clear();
  adopt(std::move(opened).value());
  return true;
}

void SessionController::adopt(std::unique_ptr<Session> session) {
  session_ = std::move(session);
  // Runs on the runner's thread. The session is joined before this object goes, so `this` is good for as long as it can be called.
  session_->onWake([this] { QMetaObject::invokeMethod(this, [this] { drain(); }, Qt::QueuedConnection); });
  state_ = session_->state();
  timer_.start();
  Q_EMIT runChanged();
  Q_EMIT stateChanged();
}

bool SessionController::open(const std::filesystem::path& runFolder) {
  std::error_code ignored;
  if (!std::filesystem::exists(runFolder / "meta.json", ignored)) {
    faults_ = fault(ExitCode::BadData, "there is no run here (no meta.json)", runFolder.string());
    return false;
  }
  retire();
  faults_ = {};
  folder_ = runFolder;
  spec_ = {};
  state_ = RunState::Finished;
  status_.clear();
  series_.clear();
  return true;
}

bool SessionController::show(const std::filesystem::path& runFolder) {
  if (!open(runFolder)) return false;
  watch(runFolder, false);
  Q_EMIT runChanged();
  Q_EMIT stateChanged();
  return true;
}

bool SessionController::resume(const std::filesystem::path& runFolder, OpenOptions options) {
  if (!open(runFolder)) return false;
  options.resumeFrom = runFolder;
  if (options.spareCores == 0) options.spareCores = 1;
  continuing_ = options;
  state_ = RunState::Building;
  watch(runFolder, true);
  Q_EMIT runChanged();
  Q_EMIT stateChanged();
  return true;
}

void SessionController::watch(const std::filesystem::path& folder, bool once) {
  const int number = ++showing_;
  watcher_ = std::make_unique<RunWatcher>(folder, once, [this, number](std::shared_ptr<RunBatch> batch) {
    QMetaObject::invokeMethod(this, [this, number, batch] { take(*batch, number); }, Qt::QueuedConnection);
  });
}

void SessionController::take(const RunBatch& batch, int number) {
  if (number != showing_) return;
  if (!batch.problem.isEmpty()) {
    continuing_ = {};
    faults_ = fault(ExitCode::BadData, batch.problem.toStdString());
    state_ = RunState::Failed;
    Q_EMIT stateChanged();
    Q_EMIT failed(batch.problem);
    return;
  }
  if (batch.spec) spec_ = *batch.spec;
  if (batch.summary) status_ = batch.summary->status;
  appendBatch(series_, batch);
  series_.flush();
  if (!continuing_.resumeFrom.empty()) {
    const OpenOptions options = std::exchange(continuing_, {});
    auto opened = opener_(spec_, folder_, options);
    if (!opened) {
      faults_ = opened.faults();
      state_ = RunState::Failed;
      Q_EMIT failed(QString::fromStdString(faults_.text()));
    } else {
      status_.clear();
      adopt(std::move(opened).value());
      return;
    }
  }
  Q_EMIT stateChanged();
}

void SessionController::close() {
  if (!session_ && !watcher_) return;
  retire();
  state_ = RunState::Finished;
  Q_EMIT stateChanged();
}

void SessionController::post(Command command) {
  if (!session_ && isActive() && std::holds_alternative<Stop>(command)) {  // not continued yet: the run is only shown
    continuing_ = {};
    state_ = RunState::Finished;
    Q_EMIT stateChanged();
    return;
  }
  if (!session_ || isEnd(state_)) return;
  if (const Wish wish = wishOf(command); wish != Wish::None) {
    wish_ = wish;
    asked_.start();
    Q_EMIT stateChanged();
  }
  session_->post(std::move(command));
}

void SessionController::answer() {
  wish_ = Wish::None;
  lastAckMs_ = static_cast<double>(asked_.nsecsElapsed()) * 1e-6;
}

void SessionController::resolve(bool sawPause, bool sawSave) {
  if (wish_ == Wish::None) return;
  const bool ended = isEnd(state_);
  const bool answered = (wish_ == Wish::Pause && state_ == RunState::Paused) || (wish_ == Wish::Resume && state_ == RunState::Running) ||
                        (wish_ == Wish::Step && sawPause) || (wish_ == Wish::Save && (sawSave || asked_.elapsed() > kSaveAnswerMs));
  if (answered || ended) answer();
}

void SessionController::drain() {
  if (!session_) return;
  // State, events and frame before the ring: what was written before them is drained after them, so the steps of an event are there
  // before it, and a continued run takes old steps back before its own events arrive.
  const RunState state = session_->state();
  const std::vector<RunEvent> events = session_->takeEvents();
  auto frame = session_->latestRouting();
  for (std::size_t n = buffer_.size(); n == buffer_.size();) {
    n = session_->drain(buffer_);
    series_.append({buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(n)});
  }
  bool sawPause = false, sawSave = false;
  QString failure;
  for (const RunEvent& event : events) {
    series_.append(event);
    sawPause |= event.kind == EventKind::Paused;
    sawSave |= event.kind == EventKind::Saved || event.kind == EventKind::Warning;
    if (event.kind == EventKind::Failed) failure = QString::fromStdString(event.text);
  }
  if (frame && frame != lastRouting_) {
    lastRouting_ = frame;
    series_.append(std::move(frame));
  }
  series_.setActivations(session_->latestActivations());
  if (!informed_ && state != RunState::Building && state != RunState::Failed) {
    series_.setInfo(session_->info());
    informed_ = true;
  }
  const RunState before = state_;
  const Wish wished = wish_;
  state_ = state;
  resolve(sawPause, sawSave);
  if (isEnd(state)) timer_.stop();
  const int shown = showing_;
  // Numbers are taken at 30 Hz, pages draw when it is their turn; what a person waits for is shown at once.
  if (before != state_ || !events.empty()) pacer_.start(), series_.flush();
  else if (pacer_.due()) series_.flush();
  if (before != state_ || wished != wish_) Q_EMIT stateChanged();
  for (const RunEvent& event : events) {
    if (shown != showing_) return;  // a listener started another run
    Q_EMIT eventArrived(event);
  }
  if (!failure.isEmpty()) Q_EMIT failed(failure);
}

}  // namespace serp::app
