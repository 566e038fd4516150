// SPDX-License-Identifier: GPL-3.0-or-later
// Short messages that never block: a sentence, how serious it is, and at most one thing to do about it.
#pragma once

#include <QObject>
#include <QString>
#include <functional>

namespace serp::app {

enum class NoticeLevel { Info, Success, Warning, Error };

struct Notice {
  NoticeLevel level = NoticeLevel::Info;
  QString text;
  QString actionText;              ///< empty: no button
  std::function<void()> action;
};

/// GUI thread only. The main window's toast shows what is posted here; tests listen to posted().
class Notices final : public QObject {
  Q_OBJECT
 public:
  using QObject::QObject;
  void post(NoticeLevel level, const QString& text, const QString& actionText = {}, std::function<void()> action = {}) {
    Q_EMIT posted(Notice{level, text, actionText, std::move(action)});
  }
  void info(const QString& text) { post(NoticeLevel::Info, text); }
  void success(const QString& text) { post(NoticeLevel::Success, text); }
  void warning(const QString& text) { post(NoticeLevel::Warning, text); }
  void error(const QString& text) { post(NoticeLevel::Error, text); }

 Q_SIGNALS:
  void posted(const serp::app::Notice& notice);
};

}  // namespace serp::app
