//! CloudWatch alarms on single metrics.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_cloudwatch::types::{ComparisonOperator, Dimension, MetricAlarm, Statistic, Tag};
use serde::Serialize;

use crate::Error;
use crate::connection::{Connection, client};
use crate::error::Service;
use crate::text::named;

const SERVICE: Service = Service("cloudwatch");

/// The most names that one DeleteAlarms takes (API reference).
const DELETE_AT_ONCE: usize = 100;

named!(
    /// How a metric is compared with an alarm's threshold.
    Comparison {
        /// `>=`
        AtLeast = "GreaterThanOrEqualToThreshold",
        /// `>`
        Above = "GreaterThanThreshold",
        /// `<=`
        AtMost = "LessThanOrEqualToThreshold",
        /// `<`
        Below = "LessThanThreshold",
    }
);

/// The CloudWatch client. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Alarms {
    client: aws_sdk_cloudwatch::Client,
}

/// What an alarm watches; also the alarm to create or change.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NewAlarm {
    /// Its name, unique within the region.
    pub name: String,
    /// Its description.
    pub description: String,
    /// The metric's namespace: `AWS/RDS`.
    pub namespace: String,
    /// The metric: `CPUUtilization`.
    pub metric: String,
    /// Which resource: `DBInstanceIdentifier` to `blog-db`.
    pub dimensions: BTreeMap<String, String>,
    /// `Average`, `Sum`, `Minimum`, `Maximum` or `SampleCount`.
    pub statistic: String,
    /// The time over which the statistic is taken: whole minutes.
    pub period: Duration,
    /// How many periods in a row must be over the threshold.
    pub periods: u32,
    /// How the statistic is compared.
    pub comparison: Comparison,
    /// With what.
    pub threshold: f64,
    /// What periods without data count as: `missing`, `notBreaching`, `breaching` or `ignore`.
    pub missing_data: String,
    /// ARNs of what is told when the alarm goes off.
    pub actions: Vec<String>,
}

/// An alarm with its state.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Alarm {
    /// Its definition.
    pub definition: NewAlarm,
    /// Its ARN.
    pub arn: Option<String>,
    /// Its state in AWS's words: `OK`, `ALARM`, `INSUFFICIENT_DATA`.
    pub state: String,
    /// Why it is in that state.
    pub reason: Option<String>,
}

impl Alarms {
    pub(crate) fn new(connection: &Connection) -> Self {
        Self {
            client: client!(aws_sdk_cloudwatch, connection),
        }
    }

    /// The metric alarms whose names start with `prefix`, in the order of their names, from all
    /// pages.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn describe(&self, prefix: &str) -> Result<Vec<Alarm>, Error> {
        let mut pages = self
            .client
            .describe_alarms()
            .set_alarm_name_prefix((!prefix.is_empty()).then(|| prefix.to_owned()))
            .into_paginator()
            .send();
        let mut alarms = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page
                .map_err(SERVICE.failed("DescribeAlarms", format!("alarms named `{prefix}*`")))?;
            alarms.extend(
                page.metric_alarms
                    .unwrap_or_default()
                    .into_iter()
                    .map(from_sdk),
            );
        }
        alarms.sort_by(|left, right| left.definition.name.cmp(&right.definition.name));
        Ok(alarms)
    }

    /// Creates an alarm, or replaces the one of this name. Tags apply to new alarms only.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn put(
        &self,
        alarm: &NewAlarm,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), Error> {
        let operation = "PutMetricAlarm";
        let object = format!("alarm `{}`", alarm.name);
        let whole = |number: u64, what: &str| {
            i32::try_from(number).map_err(|_| {
                SERVICE.invalid(operation, &object, format!("the {what} is too large"))
            })
        };
        let dimensions: Vec<Dimension> = alarm
            .dimensions
            .iter()
            .map(|(name, value)| Dimension::builder().name(name).value(value).build())
            .collect();
        let tags: Vec<Tag> = tags
            .iter()
            .map(|(key, value)| Tag::builder().key(key).value(value).build())
            .collect();
        self.client
            .put_metric_alarm()
            .alarm_name(&alarm.name)
            .alarm_description(&alarm.description)
            .namespace(&alarm.namespace)
            .metric_name(&alarm.metric)
            .set_dimensions(Some(dimensions))
            .statistic(Statistic::from(alarm.statistic.as_str()))
            .period(whole(alarm.period.as_secs(), "period")?)
            .evaluation_periods(whole(u64::from(alarm.periods), "number of periods")?)
            .comparison_operator(ComparisonOperator::from(alarm.comparison.as_str()))
            .threshold(alarm.threshold)
            .treat_missing_data(&alarm.missing_data)
            .set_alarm_actions(Some(alarm.actions.clone()))
            .set_tags((!tags.is_empty()).then_some(tags))
            .send()
            .await
            .map_err(SERVICE.failed(operation, &object))?;
        Ok(())
    }

    /// Deletes alarms. Those that do not exist count as deleted.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn delete(&self, names: &[String]) -> Result<(), Error> {
        for names in names.chunks(DELETE_AT_ONCE) {
            let result = self
                .client
                .delete_alarms()
                .set_alarm_names(Some(names.to_vec()))
                .send()
                .await
                .map_err(SERVICE.failed("DeleteAlarms", format!("alarms {}", names.join(", "))));
            match result {
                Err(error) if error.is_not_found() => {}
                other => drop(other?),
            }
        }
        Ok(())
    }
}

fn from_sdk(alarm: MetricAlarm) -> Alarm {
    let unsigned = |value: Option<i32>| value.and_then(|value| u32::try_from(value).ok());
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let dimensions = alarm.dimensions.unwrap_or_default();
    Alarm {
        definition: NewAlarm {
            name: alarm.alarm_name.unwrap_or_default(),
            description: alarm.alarm_description.unwrap_or_default(),
            namespace: alarm.namespace.unwrap_or_default(),
            metric: alarm.metric_name.unwrap_or_default(),
            dimensions: dimensions
                .into_iter()
                .filter_map(|dimension| Some((dimension.name?, dimension.value?)))
                .collect(),
            statistic: text(alarm.statistic.as_ref().map(|own| own.as_str())),
            period: Duration::from_secs(u64::from(unsigned(alarm.period).unwrap_or(0))),
            periods: unsigned(alarm.evaluation_periods).unwrap_or(0),
            comparison: Comparison::parse(&text(
                alarm.comparison_operator.as_ref().map(|own| own.as_str()),
            )),
            threshold: alarm.threshold.unwrap_or(0.0),
            missing_data: alarm
                .treat_missing_data
                .unwrap_or_else(|| "missing".to_owned()),
            actions: alarm.alarm_actions.unwrap_or_default(),
        },
        arn: alarm.alarm_arn,
        state: text(alarm.state_value.as_ref().map(|own| own.as_str())),
        reason: alarm.state_reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_is_read_back_as_it_was_written() {
        let alarm = MetricAlarm::builder()
            .alarm_name("blog-cpu")
            .namespace("AWS/RDS")
            .metric_name("CPUUtilization")
            .dimensions(
                Dimension::builder()
                    .name("DBInstanceIdentifier")
                    .value("blog-db")
                    .build(),
            )
            .statistic(Statistic::Average)
            .period(300)
            .evaluation_periods(3)
            .comparison_operator(ComparisonOperator::GreaterThanThreshold)
            .threshold(80.0)
            .state_value("ALARM".into())
            .build();
        let found = from_sdk(alarm);
        assert_eq!(found.state, "ALARM");
        assert_eq!(found.definition.comparison, Comparison::Above);
        assert_eq!(found.definition.period, Duration::from_secs(300));
        assert_eq!(found.definition.statistic, "Average");
        assert_eq!(found.definition.missing_data, "missing");
        assert_eq!(found.definition.dimensions.len(), 1);
    }
}
