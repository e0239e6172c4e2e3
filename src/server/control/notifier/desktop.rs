//! Notifications as the desktops of Linux and the BSDs show them, by D-Bus.

use notify_rust::{Notification, NotificationHandle, Urgency};

/// The desktop of the user who runs the bridge.
#[derive(Default)]
pub(super) struct Desktop {
    shown: Option<NotificationHandle>,
}

impl Desktop {
    /// Shows a text in the place of the one that was shown before.
    ///
    /// # Errors
    /// Where there is no desktop, or it shows no notifications.
    pub(super) async fn show(&mut self, text: &str) -> Result<(), notify_rust::error::Error> {
        let mut notification = Notification::new();
        notification.appname("Skynet Local Bridge").summary("An agent waits for you").body(text);
        notification.urgency(Urgency::Normal).icon("dialog-question");
        if let Some(shown) = self.shown.take() {
            notification.id(shown.id());
        }
        self.shown = Some(notification.show_async().await?);
        Ok(())
    }

    /// Takes away what is shown.
    ///
    /// # Errors
    /// None: what is gone already is as good.
    pub(super) async fn withdraw(&mut self) -> Result<(), notify_rust::error::Error> {
        if let Some(shown) = self.shown.take() {
            shown.close_async().await;
        }
        Ok(())
    }
}
