// SPDX-License-Identifier: GPL-3.0-or-later
// What the first minute's panes show: curve, load, coloured text, samples; each from the live run as soon as it has some.
#include <QLabel>
#include <algorithm>
#include <cmath>

#include "app/models/figures.h"
#include "app/pages/train/first_minute.h"
#include "app/pages/train/stack_sketch.h"
#include "app/routing_views/text_canvas.h"
#include "app/session/session_controller.h"
#include "app/session/workspace.h"
#include "app/widgets/heatmap_view.h"
#include "app/widgets/panel.h"
#include "app/widgets/plot_view.h"

namespace serp::app {

void FirstMinute::showLoss() {
  const SeriesStore& live = workspace_.session->series();
  const SeriesStore& store = shown(true);
  if (&store != drawn_ || generation_ != store.generation()) {
    if (drawn_ && &store != drawn_) pushBehind();
    else if (drawn_) loss_->clearPoints();
    drawn_ = &store;
    generation_ = store.generation();
    taken_ = 0;
  }
  const auto& steps = store.steps();
  const bool fresh = taken_ < steps.size();
  for (; taken_ < steps.size(); ++taken_) loss_->append(kNow, steps[taken_].seconds, steps[taken_].loss, static_cast<double>(steps[taken_].step));
  const RunInfo& info = store.info().uniformLoss > 0 ? store.info() : recorded_.info();
  std::vector<ReferenceLine> lines;
  if (info.uniformLoss > 0) lines.push_back({info.uniformLoss, tr("uniform guess %1").arg(info.uniformLoss, 0, 'f', 2)});
  if (info.unigramLoss > 0) lines.push_back({info.unigramLoss, tr("letter freq. %1").arg(info.unigramLoss, 0, 'f', 2)});
  if (info.entropyRate >= 0) lines.push_back({info.entropyRate, tr("true entropy %1").arg(info.entropyRate, 0, 'f', 2)});
  const bool known = info.entropyRate >= 0;
  if (fresh) loss_->setReferenceLines(std::move(lines));
  double end = loss_->data(kBehind).size() ? loss_->data(kBehind).x().back() : 0;
  if (!steps.empty()) {
    const StepRecord& last = steps.back();
    const double budget = static_cast<double>(store.info().budgetSteps);
    const bool goesOn = &store == &live && workspace_.session->isActive();
    end = std::max(end, goesOn && last.step > 0 ? last.seconds / static_cast<double>(last.step) * budget : last.seconds);
    if (fresh) loss_->setNowLabel(fixedText(loss_->data(kNow).smoothed().back(), 2));
  }
  if (fresh) {
    loss_->setXRange(0, end);
    showNotes();
    loss_->refresh();
  }
  setRecordedTag(lossPane_, !live_);
  QString caption = known ? tr("The text is generated, so its true entropy is known: no model can go below that line.") : QString();
  if (!behindName_.isEmpty() && live_) caption = tr("The faint curve behind is %1. ").arg(behindName_ == tr("recorded") ? tr("the recorded run") : behindName_) + caption;
  lossPane_.caption->setText(caption);
}

void FirstMinute::showNotes() {
  const CurveData& curve = loss_->data(kNow);
  const RunInfo& info = drawn_->info().uniformLoss > 0 ? drawn_->info() : recorded_.info();
  std::vector<PlotNote> notes;
  const auto& smooth = curve.smoothed();
  const auto crossing = [&](double line, const QString& text) {
    if (line <= 0) return;
    for (std::size_t i = 0; i < smooth.size(); ++i)
      if (smooth[i] < line) {
        notes.push_back({curve.x()[i], smooth[i], tr("after %1: %2").arg(seconds(curve.x()[i]), text)});
        return;
      }
  };
  crossing(info.uniformLoss * 0.995, tr("better than guessing at random"));
  crossing(info.unigramLoss, tr("better than letter frequencies"));
  loss_->setNotes(std::move(notes));
}

void FirstMinute::showLoad() {
  const SeriesStore& live = workspace_.session->series();
  const SeriesStore& store = shown(!live.routing().empty() || live_);
  setRecordedTag(loadPane_, &store == &recorded_);
  const auto& frames = store.routing();
  const std::size_t key = frames.size() * 2 + (&store == &recorded_ ? 1 : 0);
  if (key == framesDrawn_) return;
  framesDrawn_ = key;
  sketch_->setLoad(frames.empty() ? nullptr : frames.back().get());
  if (frames.empty() || frames.back()->layers.empty()) {
    load_->setGrid(0, 0, {});
    return;
  }
  const std::size_t layer = frames.back()->layers.size() - 1;
  const int rows = frames.back()->layers[layer].experts, columns = static_cast<int>(frames.size());
  std::vector<float> values(static_cast<std::size_t>(rows * columns), std::nanf(""));
  QStringList rowNames, columnNames;
  for (int e = 0; e < rows; ++e) rowNames << QString::number(e);
  for (int c = 0; c < columns; ++c) {
    const RoutingFrame& frame = *frames[static_cast<std::size_t>(c)];
    columnNames << QString::number(frame.step);
    if (layer >= frame.layers.size()) continue;
    const RoutingLayer& l = frame.layers[layer];
    double sum = 0;
    for (const double n : l.assigned) sum += n;
    for (int e = 0; e < rows && e < static_cast<int>(l.assigned.size()) && sum > 0; ++e)
      values[static_cast<std::size_t>(e * columns + c)] = static_cast<float>(l.assigned[static_cast<std::size_t>(e)] * rows / sum);
  }
  load_->setGrid(rows, columns, std::move(values));
  load_->setRowLabels(rowNames);
  load_->setColumnLabels(columnNames);
  load_->setTip([](int row, int column, float value) {
    Q_UNUSED(column);
    return tr("expert %1: × %2 of its fair share").arg(row).arg(static_cast<double>(value), 0, 'f', 2);
  });
  loadPane_.panel->setSubtitle(tr("%1; each row is one expert, steps run to the right").arg(QString::fromStdString(frames.back()->layers[layer].label)));
}

void FirstMinute::showText() {
  const SeriesStore& live = workspace_.session->series();
  const SeriesStore& store = shown(live.text() != nullptr);
  setRecordedTag(textPane_, &store == &recorded_ && store.text());
  const RoutedText* routed = store.text().get();
  if (routed == textDrawn_ || !routed || routed->expert.empty() || store.routing().empty()) return;
  textDrawn_ = routed;
  const std::size_t layer = routed->expert.size() - 1;
  const auto& layers = store.routing().back()->layers;
  const int experts = layer < layers.size() ? layers[layer].experts : 8;
  std::vector<int> count(static_cast<std::size_t>(std::max(1, experts)));
  for (const auto e : routed->expert[layer])
    if (e >= 0 && e < experts) ++count[static_cast<std::size_t>(e)];
  std::vector<int> order(count.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int>(i);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return count[static_cast<std::size_t>(a)] > count[static_cast<std::size_t>(b)]; });
  QVector<int> pinned;
  for (const int e : order)
    if (pinned.size() < 8 && count[static_cast<std::size_t>(e)] > 0) pinned << e;
  if (experts <= 8) std::sort(pinned.begin(), pinned.end());
  text_->setText(routed, static_cast<int>(layer), experts);
  text_->setPinned(pinned);
  QString legend;
  for (const int e : pinned)
    if (const QColor hue = text_->hue(e); hue.isValid()) legend += QStringLiteral("<span style='color:%1'>■</span> %2&nbsp;&nbsp;").arg(hue.name()).arg(e);
  if (experts > 8) legend += tr("busiest of %1").arg(experts);
  legend_->setText(legend);
  textPane_.panel->setSubtitle(layer < layers.size() ? QString::fromStdString(layers[layer].label) : QString());

  // The strongest preference in this text: which expert takes more of a tongue than of everything.
  const auto n = static_cast<double>(routed->pieces.size());
  double best = 0, share = 0, overall = 0;
  int who = -1;
  std::size_t tongue = 0;
  for (std::size_t l = 0; l < routed->labelNames.size() && !routed->labels.empty(); ++l) {
    std::vector<int> of(count.size());
    int total = 0;
    for (std::size_t i = 0; i < routed->labels.size(); ++i)
      if (routed->labels[i] == l && routed->expert[layer][i] >= 0 && routed->expert[layer][i] < experts) {
        ++of[static_cast<std::size_t>(routed->expert[layer][i])];
        ++total;
      }
    if (total < 20) continue;
    for (std::size_t e = 0; e < of.size(); ++e) {
      const double s = of[e] / static_cast<double>(total), all = count[e] / n;
      if (s - all > best) best = s - all, share = s, overall = all, who = static_cast<int>(e), tongue = l;
    }
  }
  textPane_.caption->setText(who < 0 ? tr("Each token stands on the colour of the expert it visits.")
                                     : tr("Here expert %1 takes %2 of “%3” and %4 of all tokens.")
                                           .arg(QString::number(who), percentText(share), QString::fromStdString(routed->labelNames[tongue]), percentText(overall)));
}

void FirstMinute::showSamples() {
  const SeriesStore& live = workspace_.session->series();
  const auto hasSample = [](const SeriesStore& s) {
    return std::any_of(s.events().begin(), s.events().end(), [](const RunEvent& e) { return e.kind == EventKind::Sampled && !e.sample.empty(); });
  };
  const SeriesStore& store = shown(hasSample(live));
  setRecordedTag(samplesPane_, &store == &recorded_);
  const std::size_t key = store.events().size() * 2 + (&store == &recorded_ ? 1 : 0);
  if (key == samplesDrawn_) return;
  samplesDrawn_ = key;
  std::vector<const RunEvent*> samples;
  for (const RunEvent& event : store.events())
    if (event.kind == EventKind::Sampled && !event.sample.empty()) samples.push_back(&event);
  QString prompt;
  for (std::size_t i = 0; i < 4; ++i) {
    const bool any = samples.size() > i || samples.size() >= 4;
    // Spread over the run, the newest always last.
    const std::size_t at = samples.size() <= 4 ? i : i == 3 ? samples.size() - 1 : i * (samples.size() - 1) / 3;
    if (!any || at >= samples.size()) {
      when_[i]->clear();
      wrote_[i]->clear();
      continue;
    }
    const RunEvent& event = *samples[at];
    when_[i]->setText(seconds(event.seconds));
    QString text = QString::fromStdString(event.sample);
    prompt = QString::fromStdString(event.prompt);
    if (!text.startsWith(prompt)) text.prepend(prompt);
    const QString one = QString(text).replace(QLatin1Char('\n'), QStringLiteral(" ↵ "));
    wrote_[i]->setText(one);
    wrote_[i]->setToolTip(text);
  }
  samplesPane_.caption->setText(samples.empty() ? tr("The model's first text appears here.")
                                : prompt.isEmpty() ? tr("Drawn token by token from the model.")
                                                   : tr("The beginning “%1” is given; the rest is drawn token by token.").arg(prompt.simplified()));
}

}  // namespace serp::app
