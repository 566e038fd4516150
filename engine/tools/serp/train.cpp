// SPDX-License-Identifier: GPL-3.0-or-later
// serp train: a run from start to end in the terminal, or the continuation of one.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <thread>

#include "engine/api/runs.h"
#include "engine/api/session.h"
#include "engine/run/records.h"
#include "engine/tools/serp/terminal.h"

namespace serp::cli {
namespace {

std::atomic<int> interrupts{0};

/// The first Ctrl-C asks for a checkpoint and an end; the second leaves at once.
void onInterrupt(int) {
  if (interrupts.fetch_add(1) > 0) ::_exit(static_cast<int>(ExitCode::Interrupted));
}

void catchSignals() {
  struct sigaction action {}, before {};
  action.sa_handler = onInterrupt;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGHUP, nullptr, &before);
  if (before.sa_handler != SIG_IGN) sigaction(SIGHUP, &action, nullptr);  // nohup asked for it to be ignored
  std::signal(SIGPIPE, SIG_IGN);  // a reader of stdout that leaves must not end the run without a checkpoint
}

struct Options {
  std::string config, resume, out, device;
  Overrides overrides;
  std::int64_t steps = 0, stopAfter = 0, threads = -1, seed = -1;
  bool quiet = false, json = false;
};

std::string duration(double seconds) {
  char text[32];
  const auto s = static_cast<long long>(std::lround(seconds));
  if (s >= 3600) std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
  else std::snprintf(text, sizeof text, "%lld:%02lld", s / 60, s % 60);
  return text;
}

/// Mean of the last twenty or so values; from the first value on, without a bias towards it.
struct Smooth {
  double sum = 0, weight = 0;
  void add(double x) {
    sum = 0.95 * sum + x;
    weight = 0.95 * weight + 1;
  }
  double value() const { return weight > 0 ? sum / weight : 0; }
};

/// Prints what a session reports: JSON lines to stdout where asked for, a progress line and events to stderr.
class Reporter {
 public:
  explicit Reporter(const Options& options) : o_(options), terminal_(interactive()) {}

  void records(Session& session) {
    std::array<StepRecord, 256> buffer;
    while (const std::size_t n = session.drain(buffer)) {
      for (std::size_t i = 0; i < n; ++i) {
        if (o_.json) closed_ = std::printf("%s\n", metricsLine(buffer[i]).c_str()) < 0 || closed_;
        last_ = buffer[i];
        if (!std::isfinite(last_.loss)) continue;
        loss_.add(last_.loss);
        rate_.add(last_.tokensPerSecond);
      }
      if (o_.json) closed_ = std::fflush(stdout) != 0 || closed_;
    }
  }

  void events(const std::vector<RunEvent>& events) {
    for (const RunEvent& e : events) {
      if (e.kind == EventKind::Evaluated) eval_ = e.eval;
      if (e.kind == EventKind::Finished || e.kind == EventKind::Stopped || e.kind == EventKind::Failed) {
        end_ = e;
        ended_ = true;
      }
      if (o_.quiet && e.kind != EventKind::Warning && e.kind != EventKind::Failed) continue;
      clear();
      if (e.kind == EventKind::Failed) std::fprintf(stderr, "serp: %s\n", e.text.c_str());
      else if (e.kind == EventKind::Sampled) std::fprintf(stderr, "step %lld  sample: %s\n", static_cast<long long>(e.step), oneLine(e.sample).c_str());
      else std::fprintf(stderr, "step %lld  %s\n", static_cast<long long>(e.step), e.text.c_str());
    }
  }

  /// At most a few lines a second in a terminal, one every five seconds elsewhere.
  void progress(const RunInfo& info) {
    if (o_.quiet || last_.step == 0 || last_.step == shown_) return;
    const auto now = std::chrono::steady_clock::now();
    if (now - shownAt_ < (terminal_ ? std::chrono::milliseconds(150) : std::chrono::milliseconds(5000))) return;
    shownAt_ = now;
    shown_ = last_.step;
    const std::int64_t goal = o_.stopAfter > 0 ? std::min(o_.stopAfter, info.budgetSteps) : info.budgetSteps;
    const double left = static_cast<double>((goal - last_.step) * info.batch * info.context) / std::max(rate_.value(), 1e-9);
    std::fprintf(stderr, "%sstep %lld/%lld  loss %.4f  %.0f tokens/s  %s left%s", terminal_ ? "\r\033[K" : "", static_cast<long long>(last_.step),
                 static_cast<long long>(goal), loss_.value(), rate_.value(), duration(left).c_str(), terminal_ ? "" : "\n");
    std::fflush(stderr);
  }

  bool ended() const { return ended_; }
  const RunEvent& end() const { return end_; }
  const StepRecord& last() const { return last_; }
  /// stdout no longer takes what is written to it.
  bool closed() const { return closed_; }

  /// The last line of --json, or a sentence for a person and the folder on stdout.
  void conclude(const Session& session) const {
    clear();
    const RunInfo info = session.info();
    const char* status = end_.kind == EventKind::Finished ? "finished" : end_.kind == EventKind::Failed ? "failed"
                         : end_.exitCode == static_cast<int>(ExitCode::Interrupted) ? "interrupted" : "stopped";
    if (o_.json) {
      nlohmann::ordered_json line = {{"event", end_.kind == EventKind::Failed ? "failed" : "finished"}, {"status", status}, {"step", end_.step},
                                     {"tokens", last_.tokens}, {"seconds", end_.seconds}, {"loss", last_.loss}};
      if (eval_.step > 0) line["eval_loss"] = eval_.loss;
      line.update({{"exit_code", end_.exitCode}, {"reason", end_.text}, {"run", info.folder}});
      std::printf("%s\n", line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace).c_str());
    } else if (end_.kind != EventKind::Failed && !info.folder.empty()) {
      std::printf("%s\n", info.folder.c_str());
    }
    std::fflush(stdout);
    if (const auto dropped = session.droppedRecords(); dropped > 0)
      std::fprintf(stderr, "warning: %llu records were not shown here; they are in the run folder\n", static_cast<unsigned long long>(dropped));
  }
  void clear() const {
    if (terminal_) std::fprintf(stderr, "\r\033[K");
  }

 private:
  static std::string oneLine(const std::string& text) {
    std::string out;
    for (const char c : text) {
      if (out.size() >= 120) break;
      out += c == '\n' ? std::string("⏎") : static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? std::string("·") : std::string(1, c);
    }
    return out;
  }

  const Options& o_;
  bool terminal_, ended_ = false, closed_ = false;
  StepRecord last_;
  EvalRecord eval_;
  RunEvent end_;
  Smooth loss_, rate_;
  std::int64_t shown_ = 0;
  std::chrono::steady_clock::time_point shownAt_{};
};

int follow(Session& session, const Options& o) {
  Reporter reporter(o);
  bool asked = false;
  for (;;) {
    const RunState state = session.state();
    const bool over = state == RunState::Finished || state == RunState::Failed;
    reporter.records(session);
    reporter.events(session.takeEvents());
    if (over && reporter.ended()) break;
    if (interrupts.load() > 0 && !asked) {
      asked = true;
      reporter.clear();
      std::fprintf(stderr, "interrupted: saving a checkpoint first (once more leaves at once)\n");
      session.post(Stop{true, true});
    }
    if (reporter.closed() && !asked) {
      asked = true;
      std::fprintf(stderr, "serp: stdout cannot be written any more (closed, or a full disk): saving a checkpoint and stopping\n");
      session.post(Stop{});
    }
    if (state != RunState::Building) reporter.progress(session.info());
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
  }
  reporter.conclude(session);
  return reporter.closed() ? static_cast<int>(ExitCode::CannotWrite) : reporter.end().exitCode;
}

/// --steps, --seed, --device and --threads are short forms of keys; they come after --set and win.
Result<std::vector<std::pair<std::string, std::string>>> allOverrides(const Options& o) {
  auto pairs = o.overrides.pairs();
  if (!pairs) return pairs;
  if (o.steps > 0) pairs->emplace_back("train.steps", std::to_string(o.steps));
  if (o.seed >= 0) pairs->emplace_back("train.seed", std::to_string(o.seed));
  if (!o.device.empty()) pairs->emplace_back("device", o.device);
  if (o.threads >= 0) pairs->emplace_back("threads", std::to_string(o.threads));
  return pairs;
}

int train(const Options& o) {
  if (o.config.empty() == o.resume.empty())
    return fail(ExitCode::BadConfiguration, "give a design (`serp train start/moe_mamba`) or a run to continue (--resume RUN)");
  auto overrides = allOverrides(o);
  if (!overrides) return report(overrides.faults());
  OpenOptions options;
  options.stopAfter = o.stopAfter;
  std::string config = o.config;
  std::filesystem::path folder;
  if (!o.resume.empty()) {
    if (!o.out.empty()) return fail(ExitCode::BadConfiguration, "--out does not go with --resume: a run goes on in its own folder");
    if (o.seed >= 0) return fail(ExitCode::BadConfiguration, "--seed does not go with --resume: a run goes on with its own batches");
    auto run = findRun(o.resume, defaultRunsFolder());
    if (!run) return report(run.faults());
    folder = options.resumeFrom = *run;
    config = (folder / "resolved.yaml").string();
  }
  auto spec = loadRunSpec(config, *overrides);
  if (!spec) return report(spec.faults());
  report(spec->notes);
  if (folder.empty())
    folder = o.out.empty() ? newRunFolder(defaultRunsFolder(), spec->name, static_cast<std::uint64_t>(spec->train.integer("seed")))
                           : std::filesystem::path(o.out);
  catchSignals();
  auto session = openSession(*spec, folder, options);
  if (!session) return report(session.faults());
  return follow(**session, o);
}

}  // namespace

void addTrain(CLI::App& app, int& exit) {
  auto o = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("train", "trains a design, or continues a run");
  verb->add_option("CONFIG", o->config, "a design file, or the name of a shipped preset such as start/moe_mamba");
  o->overrides.add(*verb);
  verb->add_option("--resume", o->resume, "continues a run from its newest good checkpoint")->type_name("RUN");
  verb->add_option("--out", o->out, "folder of the run; default: a new one among all runs")->type_name("DIR");
  verb->add_option("--steps", o->steps, "updates; sets the schedule too")->check(CLI::Range(1, 1000000000));
  verb->add_option("--stop-after", o->stopAfter, "ends at this step with a checkpoint, the schedule unchanged")->check(CLI::Range(1, 1000000000));
  verb->add_option("--seed", o->seed, "of weights, batches and noise")->check(CLI::NonNegativeNumber);
  verb->add_option("--device", o->device, "auto, cpu or cuda");
  verb->add_option("--threads", o->threads, "threads of the trainer; 0: one a core")->check(CLI::Range(0, 1024));
  verb->add_flag("--quiet", o->quiet, "only warnings and faults on stderr");
  verb->add_flag("--json", o->json, "every metrics record as a JSON line on stdout");
  verb->callback([o, &exit] { exit = train(*o); });
}

}  // namespace serp::cli
