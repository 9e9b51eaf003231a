//! What holds for whatever arrives.

use cs_ldap::{Authentication, Credentials, Dn, Filter, Message, MessageId, Operation, frame_len, request};
use proptest::prelude::*;

fn authentication() -> impl Strategy<Value = (Option<String>, Option<Vec<u8>>)> {
    (prop::option::of("[A-Z-]{1,20}"), prop::option::of(prop::collection::vec(any::<u8>(), 0..=300)))
}

fn filters() -> impl Strategy<Value = Filter> {
    let name = || "[a-z][a-z0-9;-]{0,8}";
    let value = || prop::collection::vec(any::<u8>(), 0..=12);
    let part = || prop::collection::vec(any::<u8>(), 1..=5);
    let leaf = prop_oneof![
        (name(), value()).prop_map(|(name, value)| Filter::Equal(name, value)),
        (name(), value()).prop_map(|(name, value)| Filter::GreaterOrEqual(name, value)),
        (name(), value()).prop_map(|(name, value)| Filter::LessOrEqual(name, value)),
        (name(), value()).prop_map(|(name, value)| Filter::Approx(name, value)),
        name().prop_map(Filter::Present),
        (name(), part(), prop::collection::vec(part(), 0..3), prop::option::of(part())).prop_map(
            |(attribute, first, between, last)| Filter::Substrings { attribute, first: Some(first), between, last }
        ),
        (prop::option::of("[0-9]\\.[0-9]{1,5}"), name(), value(), any::<bool>()).prop_map(
            |(rule, name, value, dn_attributes)| Filter::Extensible {
                rule,
                attribute: Some(name),
                value,
                dn_attributes
            }
        ),
    ];
    leaf.prop_recursive(5, 30, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::And),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::Or),
            inner.prop_map(|filter| Filter::Not(Box::new(filter))),
        ]
    })
}

proptest! {
    #[test]
    fn a_bind_is_read_as_it_was_written(
        number in 0..=i32::MAX, name in "\\PC{0,200}", (mechanism, octets) in authentication(),
    ) {
        let id = MessageId::new(number).unwrap();
        let credentials = octets.as_deref().map(Credentials::new);
        let authentication = match mechanism {
            Some(mechanism) => Authentication::Sasl { mechanism, credentials },
            None => Authentication::Simple(credentials.unwrap_or_else(|| Credentials::new(b""))),
        };
        let written = request::bind(id, &name, &authentication, None);
        prop_assert_eq!(frame_len(&written, written.len()), Ok(Some(written.len())));
        let message = Message::parse(&written).unwrap();
        prop_assert_eq!((message.id, message.controls), (id, None));
        let Operation::BindRequest(bind) = message.operation else { panic!("no bind") };
        prop_assert_eq!((bind.version, bind.name, bind.authentication), (3, &*name, authentication));
        for len in 0..written.len() {
            prop_assert!(frame_len(&written[..len], written.len()).unwrap().is_none_or(|whole| whole == written.len()));
            prop_assert!(Message::parse(&written[..len]).is_err(), "cut at {}", len);
        }
    }

    #[test]
    fn a_filter_is_read_as_it_was_shown(filter in filters()) {
        prop_assert_eq!(Filter::parse(&filter.to_string()), Ok(filter));
    }

    #[test]
    fn a_value_escaped_is_the_value(value in "[^\0]{1,20}", above in "[a-z]{1,8}") {
        prop_assume!(!value.trim_matches(' ').is_empty());
        let escaped: String = value.bytes().map(|octet| format!("\\{octet:02x}")).collect();
        let name = Dn::parse(&format!("cn={escaped},dc={above}")).unwrap();
        let above_it = Dn::parse(&format!("dc={above}")).unwrap();
        prop_assert!(name.is_at_or_under(&above_it));
        let upper = Dn::parse(&format!("CN={},DC={}", escaped.to_uppercase(), above.to_uppercase())).unwrap();
        prop_assert_eq!(name, upper);
    }

    #[test]
    fn octets_turned_in_a_message_never_panic(at in 0_usize..40, octet: u8) {
        let mut written = request::bind(
            MessageId::new(1).unwrap(), "uid=alice,dc=lab", &Authentication::Simple(Credentials::new(b"S3cret")), None,
        ).to_vec();
        if let Some(place) = written.get_mut(at) {
            *place = octet;
        }
        cs_ldap::fuzz::stream(&written);
    }
}
