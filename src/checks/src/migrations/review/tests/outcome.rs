//! What a review gives.

use crate::migrations::testing::Case;

#[test]
fn nothing_added_nothing_said() {
    let review = Case::new().review();
    assert_eq!(review, crate::migrations::MigrationReview::default());
}

#[test]
fn the_order_of_application_is_the_order_of_the_list() {
    let case = Case::new()
        .adds_after("0002_z", "0001_initial", "", "")
        .adds_after("0003_a", "0002_z", "", "");
    let names: Vec<String> = case
        .review()
        .added
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(names, ["shop.0002_z", "shop.0003_a"]);
}

#[test]
fn the_review_is_json() {
    let json = serde_json::to_value(
        Case::new()
            .adds("migrations.RemoveField('order', 'note'),")
            .review(),
    )
    .unwrap();
    assert_eq!(json["blocked"], true);
    assert_eq!(json["added"][0]["path"], "shop/migrations/0002_change.py");
    assert_eq!(json["findings"][0]["severity"], "error");
}
