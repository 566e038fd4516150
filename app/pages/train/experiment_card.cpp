// SPDX-License-Identifier: GPL-3.0-or-later
// The card and its drawing. The drawings show the idea, not data: they have no scale and no numbers.
#include "app/pages/train/experiment_card.h"

#include <QAction>
#include <QLabel>
#include <QPainter>
#include <QVBoxLayout>

#include "app/style/theme.h"
#include "app/widgets/elided_label.h"
#include "app/widgets/transport_bar.h"

namespace serp::app {

/// Tokens above, experts or earlier tokens below, joined by what the experiment changes.
class ExperimentCard::Picture final : public QWidget {
 public:
  Picture() {
    setMinimumHeight(40);
    setMaximumHeight(84);
    connect(&Theme::instance(), &Theme::changed, this, qOverload<>(&QWidget::update));
  }
  void setKind(Experiment::Kind kind) {
    kind_ = kind;
    update();
  }

 protected:
  void paintEvent(QPaintEvent*) override {
    const Theme& theme = Theme::instance();
    QPainter p(this);
    p.setRenderHint(QPainter::Antialiasing);
    p.setPen(Qt::NoPen);
    p.setBrush(theme.color(Tone::Background));
    p.drawRoundedRect(rect(), 4, 4);
    const double top = 12, bottom = height() - 14;
    constexpr int kTokens = 8, kExperts = 4;
    const auto token = [&](int i) { return QPointF(width() * (i + 0.75) / (kTokens + 0.5), top); };
    const auto expert = [&](int i) { return QPointF(width() * (i + 0.75) / (kExperts + 0.5), bottom); };
    const auto dot = [&](QPointF at, const QColor& c) {
      p.setPen(Qt::NoPen);
      p.setBrush(c);
      p.drawEllipse(at, 3.5, 3.5);
    };
    const auto line = [&](QPointF a, QPointF b, const QColor& c) {
      p.setPen(QPen(c, 1));
      p.drawLine(a, b);
    };
    if (kind_ == Experiment::Kind::Attention) {
      // The last token looks at all before it.
      const QPointF last(token(kTokens - 1).x(), bottom);
      for (int i = 0; i < kTokens; ++i) line(token(i), last, theme.color(Tone::Attention));
      for (int i = 0; i < kTokens; ++i) dot(token(i), theme.color(Tone::Dense));
      dot(last, theme.color(Tone::Attention));
      return;
    }
    static constexpr int kFirst[kTokens] = {0, 1, 2, 3, 1, 0, 3, 2}, kSecond[kTokens] = {1, 0, 3, 2, 2, 3, 0, 1};
    for (int i = 0; i < kTokens; ++i) {
      if (kind_ == Experiment::Kind::TwoExperts) {
        line(token(i), expert(kFirst[i]), theme.expert(kFirst[i]));
        line(token(i), expert(kSecond[i]), theme.expert(kSecond[i]));
      } else {
        line(token(i), expert(i == 4 ? 2 : 1), theme.expert(i == 4 ? 2 : 1));  // nothing keeps one from taking over
      }
      dot(token(i), theme.color(Tone::Dense));
    }
    for (int e = 0; e < kExperts; ++e) {
      const bool idle = kind_ == Experiment::Kind::BalanceOff && e != 1 && e != 2;
      p.setPen(idle ? QPen(theme.color(Tone::Border), 1) : QPen(Qt::NoPen));
      p.setBrush(idle ? theme.color(Tone::Background) : theme.expert(e));
      p.drawRoundedRect(QRectF(expert(e).x() - 14, bottom - 5, 28, 10), 3, 3);
    }
  }

 private:
  Experiment::Kind kind_ = Experiment::Kind::BalanceOff;
};

ExperimentCard::ExperimentCard(QAction* action, QWidget* parent)
    : QFrame(parent), title_(new ElidedLabel), sentence_(new QLabel), change_(new ElidedLabel), picture_(new Picture) {
  setProperty("role", "panel");
  title_->setProperty("role", "title");
  sentence_->setProperty("role", "caption");
  sentence_->setWordWrap(true);
  change_->setProperty("role", "code");
  change_->setFont(Theme::instance().code());
  sentence_->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  auto* button = new ActionButton(action, QStringLiteral("branch"), true);
  button->setLabel(tr("Branch and train"));
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(16, 12, 16, 12);
  column->setSpacing(6);
  column->addWidget(title_);
  column->addWidget(sentence_);
  column->addWidget(picture_, 1);
  column->addStretch();
  column->addWidget(change_);
  column->addWidget(button, 0, Qt::AlignLeft);
}

void ExperimentCard::show(const Experiment& experiment) {
  title_->setText(experiment.title);
  sentence_->setText(experiment.spec ? experiment.sentence : experiment.missing);
  sentence_->setToolTip(sentence_->text());
  change_->setText(experiment.spec ? experiment.change : QString());
  picture_->setKind(experiment.kind);
}

void ExperimentCard::setPictureShown(bool on) { picture_->setVisible(on); }

}  // namespace serp::app
