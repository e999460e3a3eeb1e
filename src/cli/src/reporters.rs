//! A reporter that is made of others.

use std::sync::Arc;

use beanpole_model::{Event, Reporter};

/// Hands every event to several reporters, in order.
pub(crate) struct Fanout(pub(crate) Vec<Arc<dyn Reporter>>);

impl Reporter for Fanout {
    fn report(&self, event: &Event) {
        for reporter in &self.0 {
            reporter.report(event);
        }
    }
}
