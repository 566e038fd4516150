// SPDX-License-Identifier: GPL-3.0-or-later
// Makes the demonstration run of resources/recorded: trains a preset with the engine, keeps its run folder without checkpoints, and
// the text it routed last. Usage: serp_record_demo FOLDER [PRESET [KEY=VALUE]...]. Not built by default.
#include <QCoreApplication>
#include <QFile>
#include <chrono>
#include <cstdio>
#include <thread>

#include "app/pages/train/recorded_run.h"
#include "engine/api/session.h"

int main(int argc, char** argv) {
  QCoreApplication application(argc, argv);
  if (argc < 2) return std::fputs("usage: serp_record_demo FOLDER [PRESET [KEY=VALUE]...]\n", stderr), 2;
  const std::filesystem::path folder = argv[1];
  std::vector<std::pair<std::string, std::string>> overrides;
  for (int i = 3; i < argc; ++i) {
    const std::string pair = argv[i];
    const auto at = pair.find('=');
    if (at == std::string::npos) return std::fprintf(stderr, "%s: expected KEY=VALUE\n", argv[i]), 2;
    overrides.emplace_back(pair.substr(0, at), pair.substr(at + 1));
  }
  auto spec = serp::loadRunSpec(argc > 2 ? argv[2] : "start/moe_mamba", overrides);
  if (!spec) return std::fprintf(stderr, "%s\n", spec.faults().text().c_str()), 2;
  auto session = serp::openSession(*spec, folder);
  if (!session) return std::fprintf(stderr, "%s\n", session.faults().text().c_str()), 2;
  std::shared_ptr<const serp::RoutedText> text;
  std::vector<serp::StepRecord> buffer(4096);
  for (auto state = (*session)->state();; state = (*session)->state()) {
    if (const auto n = (*session)->drain(buffer)) std::fprintf(stderr, "step %lld  loss %.3f\n", static_cast<long long>(buffer[n - 1].step), buffer[n - 1].loss);
    if (const auto frame = (*session)->latestRouting(); frame && frame->text) text = frame->text;
    for (const auto& event : (*session)->takeEvents()) std::fprintf(stderr, "%s\n", event.text.c_str());
    if (state == serp::RunState::Failed) return 1;
    if (state == serp::RunState::Finished) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
  session->reset();
  std::filesystem::remove_all(folder / "checkpoints");
  if (!text) return std::fputs("no text was routed\n", stderr), 1;
  QFile out(QString::fromStdString((folder / "routed_text.json").string()));
  return out.open(QIODevice::WriteOnly) && out.write(serp::app::routedTextJson(*text)) > 0 ? 0 : 6;
}
