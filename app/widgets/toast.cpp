// SPDX-License-Identifier: GPL-3.0-or-later
// Shows notices at the lower right of the window.
#include "app/widgets/toast.h"

#include <QEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QTimer>
#include <QToolButton>

#include "app/style/theme.h"

namespace serp::app {
namespace {

constexpr int kWidth = 400, kMost = 4, kStayMs = 6000, kWarningMs = 12000;

}  // namespace

ToastStack::ToastStack(Notices& notices, QWidget* window) : QObject(window), window_(window) {
  connect(&notices, &Notices::posted, this, &ToastStack::add);
  window->installEventFilter(this);
}

void ToastStack::add(const Notice& notice) {
  auto* toast = new QFrame(window_);
  toast->setProperty("role", "toast");
  toast->setAttribute(Qt::WA_StyledBackground);
  const Tone tone = notice.level == NoticeLevel::Error     ? Tone::Danger
                    : notice.level == NoticeLevel::Warning ? Tone::Experts
                    : notice.level == NoticeLevel::Success ? Tone::Accent
                                                           : Tone::Attention;
  const char* words[] = {"Note", "Done", "Warning", "Error"};
  auto* word = new QLabel(tr(words[static_cast<int>(notice.level)]));
  word->setProperty("role", "title");
  word->setStyleSheet(QStringLiteral("color: %1").arg(Theme::instance().color(tone).name()));
  auto* text = new QLabel(notice.text);
  text->setTextFormat(Qt::PlainText);                // texts quote files of strangers
  text->setWordWrap(true);
  text->setTextInteractionFlags(Qt::TextSelectableByMouse);
  auto* row = new QHBoxLayout(toast);
  row->setContentsMargins(12, 8, 8, 8);
  row->setSpacing(10);
  row->addWidget(word, 0, Qt::AlignTop);
  row->addWidget(text, 1);
  if (!notice.actionText.isEmpty()) {
    auto* button = new QPushButton(notice.actionText);
    button->setProperty("small", true);
    row->addWidget(button, 0, Qt::AlignTop);
    connect(button, &QPushButton::clicked, toast, [this, toast, run = notice.action] {
      drop(toast);
      if (run) run();
    });
  }
  auto* close = new QToolButton;
  close->setText(QStringLiteral("×"));
  close->setAccessibleName(tr("Close"));
  row->addWidget(close, 0, Qt::AlignTop);
  connect(close, &QToolButton::clicked, toast, [this, toast] { drop(toast); });
  if (notice.level != NoticeLevel::Error)
    QTimer::singleShot(notice.level == NoticeLevel::Warning ? kWarningMs : kStayMs, toast, [this, toast] { drop(toast); });
  toast->setAccessibleName(notice.text);
  shown_.append(toast);
  while (shown_.size() > kMost) drop(shown_.front());
  toast->show();
  place();
}

void ToastStack::drop(QFrame* toast) {
  if (!shown_.removeOne(toast)) return;
  toast->hide();
  toast->deleteLater();
  place();
}

void ToastStack::place() {
  int bottom = window_->height() - metric::kStatusBar - 12;
  for (auto it = shown_.rbegin(); it != shown_.rend(); ++it) {
    const int width = std::min(kWidth, window_->width() - 24);
    (*it)->resize(width, std::max((*it)->heightForWidth(width), (*it)->sizeHint().height()));
    (*it)->move(window_->width() - width - 12, bottom - (*it)->height());
    (*it)->raise();
    bottom -= (*it)->height() + 8;
  }
}

bool ToastStack::eventFilter(QObject* object, QEvent* event) {
  if (event->type() == QEvent::Resize) place();
  return QObject::eventFilter(object, event);
}

}  // namespace serp::app
