//! SwapEnvironmentCNAMEs: two environments exchange their public names. Both are busy meanwhile.

use super::durations;
use super::operation::{Operation, Step};
use crate::beanstalk::event_log::Severity;

/// Exchanges the names. Both environments are ready afterwards.
pub(crate) async fn swap(source: Operation, destination: Operation) {
    let Ok(done) = run(&source, &destination).await else {
        return;
    };
    for operation in [&source, &destination] {
        operation.finish(&[(Severity::Info, done.clone())], |_| {});
    }
}

async fn run(source: &Operation, destination: &Operation) -> Step<String> {
    let name = |operation: &Operation| operation.read(|environment| environment.name.clone());
    let pair = format!("'{}' and '{}'", name(source)?, name(destination)?);
    for operation in [source, destination] {
        operation.info(format!("Swapping CNAMEs for environments {pair}."));
    }
    source.sleep(durations::START).await?;
    // Under one lock: at no moment has a name two owners or none.
    source.shared.change(|state| {
        let cname = |id: &str| state.by_id(id).map(|found| found.cname.clone());
        let ends = [&source.environment, &destination.environment];
        if let [Some(first), Some(second)] = ends.map(|id| cname(id)) {
            for (id, cname) in ends.into_iter().zip([second, first]) {
                if let Some(environment) = state.by_id_mut(id) {
                    environment.cname = cname;
                }
            }
        }
    });
    source.sleep(durations::SMALL_RESOURCE).await?;
    Ok(format!(
        "Completed swapping CNAMEs for environments {pair}."
    ))
}
