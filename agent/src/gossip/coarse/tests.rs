//! Rates rounded, shortened and read back; and as many of them as fit.

use proptest::prelude::*;

use super::*;
use crate::gossip::word::decode;

fn service(name: &str) -> ServiceName {
    ServiceName::parse(name).unwrap()
}

fn word(rates: Vec<(ServiceName, u32)>) -> HostWord {
    HostWord { zone: Some("eu".into()), rates, sick: true, deaf: false }
}

fn read(bytes: &[u8]) -> Result<HostWord, Malformed> {
    decode::<WireHost>(bytes).and_then(WireHost::into_word)
}

proptest! {
    #[test]
    fn a_rate_reads_back_within_a_quarter_and_stays_what_it_is_when_it_is_rounded_again(rate in 1_u32..=u32::MAX) {
        let rounded = Octaves::of(rate).unwrap();
        let calls = rounded.calls().unwrap();
        prop_assert!(calls.abs_diff(rate) <= rate / 4 + 1, "{calls} for {rate}");
        prop_assert_eq!(Octaves::of(calls), Some(rounded));
    }

    #[test]
    fn a_word_reads_back_with_its_names(rates in prop::collection::btree_map("[a-zé]{1,9}(/[0-9]{1,3})?", 1_u32..9_000_000, 0..40)) {
        let rates: Vec<_> = rates.iter().map(|(name, rate)| (service(name), *rate)).collect();
        let coarse = Coarse::of(&word(rates));
        let back = read(&coarse.fit(1_500)).unwrap();
        prop_assert_eq!(Coarse::of(&back), coarse);
        prop_assert!(back.sick && !back.deaf && back.zone.as_deref() == Some("eu"));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>) {
        let _ = read(&bytes);
    }
}

#[test]
fn what_does_not_fit_is_left_out_the_busiest_last() {
    let rates: Vec<_> = (0..RATES_MAX).map(|at| (service(&format!("{:x<40}", at * 7_919)), 1 << (at % 30))).collect();
    let coarse = Coarse::of(&word(rates));
    let (bytes, all) = (coarse.fit(1_500), coarse.fit(usize::MAX));
    assert!(bytes.len() <= 1_500 && bytes.len() > 1_400 && all.len() > 1_500, "{} {}", bytes.len(), all.len());
    let kept = Coarse::of(&read(&bytes).unwrap()).rates;
    let slowest_kept = kept.values().min().unwrap();
    let left_out = coarse.rates.iter().filter(|(service, _)| !kept.contains_key(*service));
    assert!(left_out.map(|(_, rate)| rate).max().unwrap() <= slowest_kept);
}

#[test]
fn two_hundred_instances_of_a_service_fit() {
    let rates = (0..RATES_MAX).map(|at| (service(&format!("payments/10.0.{}.{}:8080", at / 100, at % 100)), 900));
    let coarse = Coarse::of(&word(rates.collect()));
    assert_eq!(read(&coarse.fit(2_500)).unwrap().rates.len(), RATES_MAX);
    assert!(read(&coarse.fit(1_500)).unwrap().rates.len() >= 130);
}

#[test]
fn as_many_rates_as_allowed_are_taken_and_not_one_more() {
    let rate = |shared, rest: &str| WireRate { shared, rest: rest.to_owned(), rate: Octaves(8) };
    let host = |rates| encode(&WireHost { zone: None, flags: 0, rates });
    let mut rates: Vec<_> = (0..RATES_MAX).map(|at| rate(0, &format!("{at:04}"))).collect();
    assert_eq!(read(&host(std::mem::take(&mut rates))).unwrap().rates.len(), RATES_MAX);
    rates = (0..=RATES_MAX).map(|at| rate(0, &format!("{at:04}"))).collect();
    assert_eq!(read(&host(rates)), Err(Malformed));
    for malformed in
        [rate(1, "a"), rate(0, ""), rate(0, "a b"), WireRate { rate: Octaves(OCTAVES_MAX + 1), ..rate(0, "a") }]
    {
        assert_eq!(read(&host(vec![malformed])), Err(Malformed));
    }
    assert_eq!(read(&host(vec![rate(0, "é"), rate(1, "a")])), Err(Malformed), "half a character");
}

#[test]
fn a_rate_of_nothing_is_none() {
    assert!(Coarse::of(&word(vec![(service("a"), 0)])).rates.is_empty());
}
