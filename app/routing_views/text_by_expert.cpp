// SPDX-License-Identifier: GPL-3.0-or-later
// Chips, layer selector, own text, and the canvas below.
#include "app/routing_views/text_by_expert.h"

#include <QComboBox>
#include <QLineEdit>
#include <QPushButton>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "app/models/figures.h"
#include "app/routing_views/expert_chips.h"
#include "app/routing_views/quantities.h"
#include "app/routing_views/text_canvas.h"
#include "app/session/series_store.h"

namespace serp::app {

TextByExpert::TextByExpert(const RoutingContext& context) : RoutingView(context), canvas_(new TextCanvas), layers_(new QComboBox), own_(new QPushButton(tr("Own text"))), ownText_(new QLineEdit) {
  chips_ = new ExpertChips([this](int expert) { return canvas_->hue(expert); });
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(8);
  column->addWidget(chips_);
  column->addWidget(ownText_);
  column->addWidget(canvas_, 1);
  canvas_->setEmptyText(tr("Nothing routed yet.\nThe probe text is routed with each window of a live run; a run that was cut off keeps the numbers, not the text."));
  ownText_->setPlaceholderText(tr("Type a text and press Enter; empty goes back to the standing probe"));
  ownText_->hide();
  layers_->setProperty("small", true);
  layers_->setAccessibleName(tr("Layer"));
  own_->setProperty("small", true);
  own_->setCheckable(true);
  own_->setToolTip(tr("Routes a text of yours through the running model"));
  connect(own_, &QPushButton::toggled, this, [this](bool on) {
    ownText_->setVisible(on);
    if (on) ownText_->setFocus();
  });
  connect(ownText_, &QLineEdit::returnPressed, this, [this] {
    const bool asked = context_.probe && context_.probe(ownText_->text());
    if (!asked) ownText_->clear();
    ownText_->setPlaceholderText(asked ? tr("Routed with the next window; empty goes back to the standing probe") : tr("Needs a run that trains here: one that has ended routes nothing new"));
  });
  connect(layers_, &QComboBox::activated, this, [this](int layer) { cursor().setLayer(layer); });
  connect(canvas_, &TextCanvas::tokenClicked, this, [this](int token) {
    cursor().setToken(token);
    const RoutedText* t = text();
    const auto l = static_cast<std::size_t>(cursor().layer());
    if (t && l < t->expert.size() && static_cast<std::size_t>(token) < t->expert[l].size()) cursor().setExpert(t->expert[l][static_cast<std::size_t>(token)]);
  });
  connect(chips_, &ExpertChips::clicked, this, [this](int expert) {
    if (cursor().expert() == expert || !pinned_.contains(expert)) {
      if (pinned_.contains(expert)) pinned_.removeAll(expert);
      else pinned_.append(expert);
      if (pinned_.size() > 8) pinned_.removeFirst();
      canvas_->setPinned(pinned_);
    }
    cursor().setExpert(expert);
  });
}

std::vector<QWidget*> TextByExpert::headerWidgets() { return {layers_, own_}; }

void TextByExpert::refresh() {
  if (layers_->count() != static_cast<int>(history().layers())) {
    layers_->clear();
    for (std::size_t l = 0; l < history().layers(); ++l) layers_->addItem(history().layerName(static_cast<int>(l)));
  }
  if (history().store().text() != shown_) fill();
  showCursor();
}

void TextByExpert::fill() {
  shown_ = history().store().text();             // held, so that its address cannot come back as another text
  shownLayer_ = cursor().layer();
  const int experts = history().experts(shownLayer_);
  if (experts != pinnedOf_) pinned_.clear();     // another design
  pinnedOf_ = experts;
  if (pinned_.isEmpty() && experts > 8) {  // the busiest eight of this text, in order of number
    std::vector<std::pair<int, int>> counts(static_cast<std::size_t>(experts));
    for (int e = 0; e < experts; ++e) counts[static_cast<std::size_t>(e)] = {0, e};
    if (shown_ && static_cast<std::size_t>(shownLayer_) < shown_->expert.size())
      for (const auto e : shown_->expert[static_cast<std::size_t>(shownLayer_)])
        if (e >= 0 && e < experts) --counts[static_cast<std::size_t>(e)].first;
    std::sort(counts.begin(), counts.end());
    for (int i = 0; i < 8; ++i) pinned_.append(counts[static_cast<std::size_t>(i)].second);
    std::sort(pinned_.begin(), pinned_.end());
  }
  canvas_->setPinned(pinned_);
  canvas_->setText(shown_.get(), shownLayer_, experts);
}

void TextByExpert::showCursor() {
  if (cursor().layer() != shownLayer_) fill();
  layers_->setCurrentIndex(cursor().layer());
  chips_->setExperts(history().experts(cursor().layer()), cursor().expert());
  canvas_->setChosen(cursor().token(), cursor().expert());
}

QString TextByExpert::subtitle() const {
  if (!text()) return {};
  return tr("%1, intensity = router weight").arg(history().layerName(cursor().layer()));
}

QString TextByExpert::caption() const {
  const RoutedText* t = text();
  const auto l = static_cast<std::size_t>(std::max(0, cursor().layer()));
  if (!t || l >= t->expert.size() || t->expert[l].empty()) return {};
  std::size_t changes = 0;
  for (std::size_t i = 1; i < t->expert[l].size(); ++i) changes += t->expert[l][i] != t->expert[l][i - 1];
  const double run = static_cast<double>(t->expert[l].size()) / static_cast<double>(changes + 1);
  QString out = tr("This text only. An expert keeps the text for %1 tokens on average").arg(fixedText(run, 1));
  return out + (history().experts(cursor().layer()) > 8 ? tr("; eight experts are pinned to a colour, the rest grey.") : QStringLiteral("."));
}

QString TextByExpert::csv() const {
  QString out = QStringLiteral("token,piece,label,layer,expert,weight,entropy\n");
  const RoutedText* t = text();
  if (!t) return out;
  for (std::size_t l = 0; l < t->expert.size(); ++l)
    for (std::size_t i = 0; i < t->expert[l].size() && i < t->pieces.size(); ++i) {
      QString piece = QString::fromStdString(t->pieces[i]);
      piece.replace(QLatin1Char('"'), QStringLiteral("\"\"")).replace(QLatin1Char('\n'), QStringLiteral("\\n"));
      const QString label = i < t->labels.size() && t->labels[i] < t->labelNames.size() ? QString::fromStdString(t->labelNames[t->labels[i]]) : QString();
      const double weight = l < t->weight.size() && i < t->weight[l].size() ? static_cast<double>(t->weight[l][i]) : NAN;
      const double entropy = l < t->entropy.size() && i < t->entropy[l].size() ? static_cast<double>(t->entropy[l][i]) : NAN;
      out += csvRow({QString::number(i), QLatin1Char('"') + piece + QLatin1Char('"'), csvText(label.toStdString()), csvText(history().layerName(static_cast<int>(l)).toStdString()), QString::number(t->expert[l][i]), csvNumber(weight), csvNumber(entropy)});
    }
  return out;
}

}  // namespace serp::app
