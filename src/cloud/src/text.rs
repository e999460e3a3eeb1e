//! States as AWS names them: known ones as variants, new ones kept as text.

/// True if two names are the same but for case, spaces, hyphens and underscores. AWS itself writes
/// `NoData` and `No Data`, `Processed` and `PROCESSED`.
pub(crate) fn same(left: &str, right: &str) -> bool {
    let letters = |text: &str| -> String {
        text.chars()
            .filter(|character| character.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect()
    };
    letters(left) == letters(right)
}

/// An enum of AWS's names with an `Other` variant that keeps any name not known here.
macro_rules! named {
    ($(#[$doc:meta])* $type:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type {
            $($(#[$variant_doc])* $variant,)+
            /// A name that AWS added later, as it was sent.
            Other(String),
        }

        impl $type {
            /// Reads AWS's name, whatever its case and spacing. Never fails.
            #[must_use]
            pub fn parse(text: &str) -> Self {
                $(if crate::text::same(text, $text) {
                    return Self::$variant;
                })+
                Self::Other(text.to_owned())
            }

            /// The name as AWS's documentation writes it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Other(text) => text,
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}

pub(crate) use named;

#[cfg(test)]
mod tests {
    // The macro is for public states.
    #![expect(
        unreachable_pub,
        reason = "the macro makes public items, a test has none"
    )]

    named!(
        /// For the test.
        Sample {
            /// One.
            NoData = "No Data",
            /// Two.
            Ok = "Ok",
        }
    );

    #[test]
    fn case_and_spaces_do_not_matter_and_new_names_survive() {
        assert_eq!(Sample::parse("NoData"), Sample::NoData);
        assert_eq!(Sample::parse("NO_DATA"), Sample::NoData);
        assert_eq!(Sample::parse("ok"), Sample::Ok);
        let new = Sample::parse("Splendid");
        assert_eq!(new, Sample::Other("Splendid".to_owned()));
        assert_eq!(new.to_string(), "Splendid");
    }
}
