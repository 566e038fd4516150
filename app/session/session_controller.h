// SPDX-License-Identifier: GPL-3.0-or-later
// The one QObject that holds a Session: starts and stops runs, drains telemetry at 30 Hz, and turns engine states into signals.
#pragma once

#include <QElapsedTimer>
#include <QObject>
#include <QTimer>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <vector>

#include "app/session/frame_pacer.h"
#include "app/session/series_store.h"
#include "engine/api/session.h"

namespace serp::app {

class RunWatcher;
struct RunBatch;

/// What was asked of the running session and is not answered yet.
enum class Wish { None, Pause, Resume, Step, Stop, Discard, Save };

/// GUI thread only. Never blocks: starting returns at once; an old session is stopped (with a save) and joined in the background.
class SessionController final : public QObject {
  Q_OBJECT
 public:
  using Opener = std::function<Result<std::unique_ptr<Session>>(const RunSpec&, const std::filesystem::path&, const OpenOptions&)>;
  /// `opener` is serp::openSession in the program; tests may pass their own.
  explicit SessionController(Opener opener, QObject* parent = nullptr);
  ~SessionController() override;                   ///< stops with a save and waits for it

  /// Starts a run in a new folder under `runsFolder`. False: faults() says why.
  bool start(const RunSpec& spec, const std::filesystem::path& runsFolder, OpenOptions options = {});
  /// Continues a run from its newest checkpoint. The past is read first, in the background; failed() if it cannot be.
  bool resume(const std::filesystem::path& runFolder, OpenOptions options = {});
  /// Shows a finished (or foreign, still written) run read-only: follows its files. False: there is no run; faults() says why.
  bool show(const std::filesystem::path& runFolder);
  void close();                                    ///< stops with a save; the join happens in the background
  /// A session is building, training, paused or stopping, or the past of a run to continue is being read.
  bool isActive() const;

  void post(Command command);                      ///< marks the matching button pending until the answering event
  bool hasSession() const { return session_ != nullptr; }
  bool isFollowing() const { return watcher_ != nullptr && !session_; }
  bool isTrainedElsewhere() const { return isFollowing() && status_ == "running"; }  ///< another process writes the shown run
  RunState state() const { return state_; }
  bool pending() const { return wish_ != Wish::None; }  ///< a wish was sent and not answered yet
  Wish wish() const { return wish_; }
  double lastAckMs() const { return lastAckMs_; }  ///< time from the last wish to its answer
  SeriesStore& series() { return series_; }
  const RunSpec& spec() const { return spec_; }
  const Diagnostics& faults() const { return faults_; }
  const std::filesystem::path& runFolder() const { return folder_; }
  const std::string& status() const { return status_; }  ///< of a shown run, contract.md §3; empty while a session is held

 Q_SIGNALS:
  void stateChanged();                             ///< state() or pending() changed
  void runChanged();                               ///< another run is shown
  void eventArrived(const serp::RunEvent& event);
  void failed(const QString& sentence);

 private:
  void drain();
  void adopt(std::unique_ptr<Session> session);
  void take(const RunBatch& batch, int generation);
  bool open(const std::filesystem::path& folder);  ///< empties everything for a run that exists
  void watch(const std::filesystem::path& folder, bool once);
  void retire();                                   ///< hands session and watcher to threads that stop and join them
  template <class Old>
  void joinInBackground(Old old);
  void answer();
  void resolve(bool sawPause, bool sawSave);

  Opener opener_;
  std::unique_ptr<Session> session_;
  std::unique_ptr<RunWatcher> watcher_;
  std::vector<std::future<void>> retiring_;
  SeriesStore series_;
  QTimer timer_;
  RunSpec spec_;
  Diagnostics faults_;
  OpenOptions continuing_;                         ///< with a folder to resume from: waits for that run's past
  std::filesystem::path folder_;
  std::string status_;
  std::vector<StepRecord> buffer_;
  std::shared_ptr<const RoutingFrame> lastRouting_;
  QElapsedTimer asked_;
  FramePacer pacer_;
  double lastAckMs_ = 0;
  int showing_ = 0;                                ///< number of the run shown; late batches of others are dropped
  RunState state_ = RunState::Finished;
  Wish wish_ = Wish::None;
  bool informed_ = false;
};

}  // namespace serp::app
