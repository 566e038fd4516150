// SPDX-License-Identifier: GPL-3.0-or-later
// Rows of bars: disc = here, ring = published.
#include "app/pages/compare/share_panel.h"

#include <QPainter>
#include <QScrollArea>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "app/models/figures.h"
#include "app/pages/caption.h"
#include "app/pages/picture.h"
#include "app/style/theme.h"

namespace serp::app {

std::optional<double> shareOfSteps(const RunCurves& run, const RunCurves& baseline) {
  const Measure by = commonMeasure({&run, &baseline});
  const auto base = lossPoints(baseline, by), own = lossPoints(run, by);
  if (base.empty() || own.empty() || base.back().steps <= 0) return std::nullopt;
  const auto at = reaching(own, base.back().loss);
  if (!at) return std::nullopt;
  return at->steps / base.back().steps;
}

class SharePanel::Rows final : public QWidget {
 public:
  struct Row { QString name; QColor colour; std::optional<double> here, paper; bool baseline, never; };
  std::vector<Row> rows;
  QString hint;

  QSize sizeHint() const override { return {280, 28 + 26 * static_cast<int>(rows.size())}; }

 protected:
  void paintEvent(QPaintEvent*) override {
    const Theme& theme = Theme::instance();
    QPainter p(this);
    p.setRenderHint(QPainter::Antialiasing);
    const QColor muted = theme.color(Tone::Muted), text = theme.color(Tone::Text);
    p.setFont(theme.caption());
    p.setPen(muted);
    if (!hint.isEmpty()) return p.drawText(rect().adjusted(16, 8, -16, -8), Qt::AlignCenter | Qt::TextWordWrap, hint), void();
    const double paperX = width() - 62, hereX = paperX - 66, barLeft = std::min(190.0, width() * 0.42), barRight = hereX - 10;
    p.drawText(QRectF(barLeft - 8, 0, 40, 24), Qt::AlignLeft | Qt::AlignVCenter, QStringLiteral("0"));
    if (barRight - barLeft > 72) p.drawText(QRectF(barRight - 52, 0, 60, 24), Qt::AlignRight | Qt::AlignVCenter, tr("100 %"));
    p.drawText(QRectF(hereX - 8, 0, 66, 24), Qt::AlignRight | Qt::AlignVCenter, tr("● here"));
    p.drawText(QRectF(paperX - 2, 0, 56, 24), Qt::AlignRight | Qt::AlignVCenter, tr("○ paper"));
    double y = 26;
    for (const Row& row : rows) {
      const double middle = y + 13;
      p.setPen(Qt::NoPen);
      p.setBrush(row.colour);
      p.drawRoundedRect(QRectF(12, middle - 4, 8, 8), 2, 2);
      QFont font = theme.body();
      font.setBold(row.baseline);
      p.setFont(font);
      p.setPen(text);
      p.drawText(QRectF(28, y, barLeft - 36, 26), Qt::AlignLeft | Qt::AlignVCenter, QFontMetricsF(font).elidedText(row.name, Qt::ElideRight, barLeft - 36));
      const auto at = [&](double share) { return barLeft + (barRight - barLeft) * std::min(1.0, share); };
      p.fillRect(QRectF(barLeft, middle - 2, barRight - barLeft, 4), theme.color(Tone::Border));
      if (row.here) {
        p.fillRect(QRectF(barLeft, middle - 2, at(*row.here) - barLeft, 4), Theme::mix(theme.color(Tone::Surface), row.colour, 0.7));
        p.setPen(Qt::NoPen);
        p.setBrush(row.colour);
        p.drawEllipse(QPointF(at(*row.here), middle), 5, 5);
      }
      if (row.paper) {
        p.setBrush(Qt::NoBrush);
        p.setPen(QPen(text, 1));
        p.drawEllipse(QPointF(at(*row.paper), middle), 6, 6);
      }
      p.setPen(text);
      p.drawText(QRectF(hereX - 8, y, 66, 26), Qt::AlignRight | Qt::AlignVCenter, row.here ? QString::number(100 * *row.here, 'f', 0) + QStringLiteral(" %") : row.never ? tr("> 100 %") : tr("not yet"));
      p.setPen(muted);
      p.setFont(theme.caption());
      p.drawText(QRectF(paperX - 2, y, 56, 26), Qt::AlignRight | Qt::AlignVCenter, row.paper ? QString::number(100 * *row.paper, 'f', 0) + QStringLiteral(" %") : QStringLiteral("–"));
      p.fillRect(QRectF(12, y + 26, width() - 24, 1), theme.grid());
      y += 26;
    }
  }
};

SharePanel::SharePanel(QWidget* parent) : Panel(tr("Share of the steps needed"), {}, parent), rows_(new Rows) {
  setToolTip(tr("Steps a run needs to reach the baseline's last loss ÷ the baseline's steps. Disc: here. Ring: published, where the preset names it. "
                "The paper's losses are on other data: compare shares, not losses."));
  auto* scroll = new QScrollArea;
  scroll->setWidgetResizable(true);
  scroll->setFrameShape(QFrame::NoFrame);
  scroll->setWidget(rows_);
  setBody(scroll);
  caption_ = new Caption;
  caption_->setContentsMargins(12, 0, 12, 6);
  body()->setSpacing(2);
  body()->addWidget(caption_);
  setMinimumHeight(120);
}

void SharePanel::setRuns(const std::vector<ShownRun>& runs) {
  const ShownRun* base = nullptr;
  for (const ShownRun& run : runs)
    if (run.baseline && run.curves) base = &run;
  rows_->rows.clear();
  rows_->hint = base ? QString() : tr("Choose a baseline above: the shares are taken of its steps.");
  setSubtitle({});
  if (base) {
    const auto points = lossPoints(*base->curves, commonMeasure({base->curves.get()}));
    if (!points.empty()) setSubtitle(tr("to the last loss of %1, %2").arg(base->name, fixedText(points.back().loss, 3)));
    for (const ShownRun& run : runs) {
      if (!run.curves) continue;
      Rows::Row row{run.name, run.colour, shareOfSteps(*run.curves, *base->curves), {}, run.baseline, false};
      const auto lastStep = [](const RunCurves& curves) { return curves.steps.empty() ? 0 : curves.steps.back().step; };
      row.never = lastStep(*run.curves) >= lastStep(*base->curves);
      if (run.curves->reference.speedup && *run.curves->reference.speedup > 0) row.paper = 1 / *run.curves->reference.speedup;
      rows_->rows.push_back(std::move(row));
    }
    std::stable_sort(rows_->rows.begin(), rows_->rows.end(), [](const Rows::Row& a, const Rows::Row& b) { return a.here.value_or(9) > b.here.value_or(9); });
  }
  rows_->setMinimumHeight(rows_->sizeHint().height());
  rows_->update();
  caption_->say(caption());
}

QString SharePanel::caption() const {
  const Rows::Row *best = nullptr, *base = nullptr;
  for (const Rows::Row& row : rows_->rows) {
    if (row.baseline) base = &row;
    else if (row.here && (!best || *row.here < *best->here)) best = &row;
  }
  if (!base) return {};
  if (!best) return tr("No other run has reached the loss of %1 yet.").arg(base->name);
  const QString text = tr("%1 needs %2 % of the steps of %3 for the same loss").arg(best->name, fixedText(100 * *best->here, 0), base->name);
  return best->paper ? tr("%1; the paper has %2 %.").arg(text, fixedText(100 * *best->paper, 0)) : text + QLatin1Char('.');
}

bool SharePanel::exportPicture(const QString& file, QString* error) { return writePicture(*this, file, error); }

QString SharePanel::csv() const {
  QString out = QStringLiteral("run,share_here,share_paper\n");
  for (const Rows::Row& row : rows_->rows)
    out += QLatin1Char('"') + row.name + QStringLiteral("\",") + (row.here ? QString::number(*row.here, 'g', 9) : QString()) + QLatin1Char(',') + (row.paper ? QString::number(*row.paper, 'g', 9) : QString()) + QLatin1Char('\n');
  return out;
}

}  // namespace serp::app
