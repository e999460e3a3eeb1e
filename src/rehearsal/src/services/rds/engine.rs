//! The engine that the rehearsal's databases have: PostgreSQL. Pure.

use winterbaume_rds::model;

/// The only engine.
pub(super) const ENGINE: &str = "postgres";

/// Major versions that RDS offers, with the newest minor version of each that this table knows.
const VERSIONS: [(u32, u32); 5] = [(13, 22), (14, 19), (15, 14), (16, 10), (17, 6)];

/// The major version that a request without one gets.
const DEFAULT_MAJOR: u32 = 17;

/// The full version that RDS gives for what a request asks: `16` is its newest minor version, `16.4`
/// stays, nothing is the default. `None` if there is no such version.
pub(super) fn resolve(wanted: Option<&str>) -> Option<String> {
    let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty()) else {
        return full(DEFAULT_MAJOR);
    };
    let (major, minor) = parse(wanted)?;
    let (_, newest) = VERSIONS.into_iter().find(|(known, _)| *known == major)?;
    match minor {
        None => full(major),
        Some(minor) if minor >= 1 && minor <= newest => Some(format!("{major}.{minor}")),
        Some(_) => None,
    }
}

fn full(major: u32) -> Option<String> {
    let (_, newest) = VERSIONS.into_iter().find(|(known, _)| *known == major)?;
    Some(format!("{major}.{newest}"))
}

/// The major and the minor part of a version.
pub(super) fn parse(version: &str) -> Option<(u32, Option<u32>)> {
    match version.split_once('.') {
        Some((major, minor)) => Some((major.parse().ok()?, Some(minor.parse().ok()?))),
        None => Some((version.parse().ok()?, None)),
    }
}

/// The parameter group that a version has unless it is given another.
pub(super) fn default_parameter_group(version: &str) -> String {
    let major = parse(version).map_or(DEFAULT_MAJOR, |(major, _)| major);
    format!("default.{ENGINE}{major}")
}

/// What DescribeDBEngineVersions shows: the newest of each major version, or the one that is asked for.
pub(super) fn describe(
    request: &model::DescribeDBEngineVersionsMessage,
) -> Vec<model::DBEngineVersion> {
    if request
        .engine
        .as_deref()
        .is_some_and(|engine| engine != ENGINE)
    {
        return Vec::new();
    }
    let versions: Vec<String> = match request.engine_version.as_deref() {
        Some(wanted) => resolve(Some(wanted)).into_iter().collect(),
        None if request.default_only == Some(true) => full(DEFAULT_MAJOR).into_iter().collect(),
        None => VERSIONS
            .into_iter()
            .filter_map(|(major, _)| full(major))
            .collect(),
    };
    versions
        .into_iter()
        .map(|version| {
            let major = parse(&version).map(|(major, _)| major.to_string());
            model::DBEngineVersion {
                engine: Some(ENGINE.to_owned()),
                d_b_parameter_group_family: major.as_ref().map(|major| format!("{ENGINE}{major}")),
                major_engine_version: major,
                d_b_engine_description: Some("PostgreSQL".to_owned()),
                d_b_engine_version_description: Some(format!("PostgreSQL {version}-R1")),
                engine_version: Some(version),
                status: Some("available".to_owned()),
                ..model::DBEngineVersion::default()
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_major_version_is_its_newest_minor_one() {
        assert_eq!(resolve(Some("16")).as_deref(), Some("16.10"));
        assert_eq!(resolve(Some("16.4")).as_deref(), Some("16.4"));
        assert_eq!(resolve(None).as_deref(), Some("17.6"));
        for wrong in ["9.6", "16.99", "sixteen", "16.x"] {
            assert_eq!(resolve(Some(wrong)), None, "{wrong}");
        }
        assert_eq!(default_parameter_group("16.4"), "default.postgres16");
    }
}
