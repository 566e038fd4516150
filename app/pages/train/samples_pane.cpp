// SPDX-License-Identifier: GPL-3.0-or-later
// Shows the two newest samples side by side and asks for more.
#include "app/pages/train/samples_pane.h"

#include <QDoubleSpinBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QTextBlock>
#include <QTextCursor>

#include "app/models/figures.h"
#include "app/session/session_controller.h"
#include "app/session/workspace.h"
#include "app/style/theme.h"

namespace serp::app {

SamplesPane::SamplesPane(Workspace& workspace, QWidget* parent) : Panel(tr("Samples"), {}, parent), workspace_(workspace) {
  const auto caption = [this](const QString& text) {
    auto* label = new QLabel(text);
    label->setProperty("role", "caption");
    addHeaderWidget(label);
  };
  caption(tr("prompt"));
  prompt_ = new QLineEdit;
  prompt_->setProperty("small", true);
  prompt_->setFixedWidth(120);
  prompt_->setFont(Theme::instance().code());
  prompt_->setAccessibleName(tr("Prompt"));
  addHeaderWidget(prompt_);
  caption(tr("temperature"));
  temperature_ = new QDoubleSpinBox;
  temperature_->setProperty("small", true);
  temperature_->setRange(0, 5);
  temperature_->setSingleStep(0.1);
  temperature_->setDecimals(2);
  temperature_->setValue(0.8);
  temperature_->setLocale(QLocale::c());
  temperature_->setButtonSymbols(QAbstractSpinBox::NoButtons);
  temperature_->setFixedWidth(56);
  temperature_->setAccessibleName(tr("Temperature"));
  addHeaderWidget(temperature_);
  now_ = new QPushButton(tr("Sample now"));
  now_->setProperty("small", true);
  addHeaderWidget(now_);
  connect(now_, &QPushButton::clicked, this, [this] {
    QString prompt = prompt_->text();
    const auto& train = workspace_.session->spec().train;
    if (prompt.isEmpty() && train.has("prompt")) prompt = QString::fromStdString(train.text("prompt"));
    workspace_.session->post(Sample{prompt.toStdString(), 160, temperature_->value(), static_cast<std::uint64_t>(read_)});
  });
  connect(prompt_, &QLineEdit::returnPressed, now_, &QPushButton::click);

  auto* row = new QHBoxLayout;
  row->setSpacing(0);
  newest_ = makeSide(false);
  older_ = makeSide(true);
  auto* line = new QFrame;
  line->setProperty("role", "separator");
  line->setFixedWidth(1);
  for (const Side& side : {newest_, older_}) {
    auto* column = new QVBoxLayout;
    column->setSpacing(0);
    column->setContentsMargins(side.text == newest_.text ? 0 : 12, 0, 12, 0);
    column->addWidget(side.caption);
    column->addWidget(side.text, 1);
    row->addLayout(column, 1);
    if (side.text == newest_.text) row->addWidget(line);
  }
  body()->addLayout(row);
  connect(workspace.session, &SessionController::stateChanged, this, &SamplesPane::enable);
  enable();
}

SamplesPane::Side SamplesPane::makeSide(bool older) {
  Side side{new QLabel, new QPlainTextEdit};
  side.caption->setProperty("role", "caption");
  side.text->setReadOnly(true);
  side.text->setFrameShape(QFrame::NoFrame);
  side.text->setFont(Theme::instance().code());
  side.text->setStyleSheet(QStringLiteral("QPlainTextEdit { background: transparent; border: none; padding: 0; %1 }")
                               .arg(older ? QStringLiteral("color: palette(placeholder-text);") : QString()));
  side.text->document()->setDocumentMargin(0);
  side.text->setMinimumHeight(30);
  side.text->setAccessibleName(older ? tr("Older sample") : tr("Newest sample"));
  side.text->setPlaceholderText(older ? QString() : tr("The model's first text appears here."));
  return side;
}

void SamplesPane::enable() {
  const RunState state = workspace_.session->state();
  now_->setEnabled(workspace_.session->isActive() && (state == RunState::Running || state == RunState::Paused));
  const auto& train = workspace_.session->spec().train;
  const auto every = train.has("sample_every") ? train.integer("sample_every") : 0;
  prompt_->setPlaceholderText(train.has("prompt") ? QString::fromStdString(train.text("prompt")) : QString());
  setSubtitle(every > 0 ? tr("every %1 steps").arg(every) : QString());
}

void SamplesPane::fill(const Side& side, int index, bool older) {
  if (index < 0) {
    side.caption->clear();
    side.text->clear();
    return;
  }
  const RunEvent& event = workspace_.session->series().events()[static_cast<std::size_t>(index)];
  side.caption->setText(older ? tr("step %1, before").arg(groupedCount(event.step)) : tr("<b>step %1</b>").arg(groupedCount(event.step)));
  const QString prompt = QString::fromStdString(event.prompt);
  QString text = QString::fromStdString(event.sample);
  const bool repeats = text.startsWith(prompt);
  if (!repeats) text.prepend(prompt);
  side.text->setPlainText(text);
  if (prompt.isEmpty() && !older) return;
  QTextCursor cursor(side.text->document());           // what was given, and what is past, stands back
  if (older) cursor.select(QTextCursor::Document);
  else cursor.setPosition(static_cast<int>(std::min(prompt.size(), text.size())), QTextCursor::KeepAnchor);
  QTextCharFormat format;
  format.setForeground(Theme::instance().color(Tone::Muted));
  cursor.mergeCharFormat(format);
}

void SamplesPane::refresh() {
  if (!isVisible()) return;
  const SeriesStore& series = workspace_.session->series();
  if (generation_ != series.generation() || read_ > series.events().size()) {
    generation_ = series.generation();
    read_ = 0;
    newestEvent_ = olderEvent_ = -1;
    fill(newest_, -1, false);
    fill(older_, -1, true);
    enable();
  }
  bool fresh = false;
  for (; read_ < series.events().size(); ++read_) {
    const RunEvent& event = series.events()[read_];
    if (event.kind != EventKind::Sampled || (event.sample.empty() && event.prompt.empty())) continue;
    olderEvent_ = newestEvent_;
    newestEvent_ = static_cast<int>(read_);
    fresh = true;
  }
  if (!fresh) return;
  fill(newest_, newestEvent_, false);
  fill(older_, olderEvent_, true);
}

}  // namespace serp::app
