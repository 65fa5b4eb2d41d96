//! Reads the query of an address. An empty value is an absent one: that is what a form sends for a field left alone.

use std::collections::BTreeMap;

use axum::extract::Query;
use axum::http::Uri;
use vuln::score::Severity;
use vuln::verdict::Verdict;

use crate::web::board::{Filter, Sort};
use crate::web::error::Error;
use crate::web::part;

/// The parameters of a query, each once: of several with one name the last counts.
#[derive(Debug, Default)]
pub struct Parameters {
    values: BTreeMap<String, String>,
}

/// Pages of a list at most: what is further down is found by filtering.
const PAGES: usize = 10_000;

impl Parameters {
    /// Reads the query of an address.
    pub fn of(uri: &Uri) -> Result<Self, Error> {
        let Query(values) = Query::try_from_uri(uri).map_err(|e| Error::Address { message: e.body_text() })?;
        Ok(Self { values })
    }

    /// Whether a parameter has a value.
    pub fn has(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|value| !value.trim().is_empty())
    }

    /// A text of at most `limit` characters, without white space around it.
    pub fn text(&self, name: &'static str, limit: usize) -> Result<Option<String>, Error> {
        let Some(value) = self.values.get(name).map(|value| value.trim()).filter(|value| !value.is_empty()) else {
            return Ok(None);
        };
        if value.chars().count() > limit {
            return Err(Error::parameter(name, value, "it is too long"));
        }
        Ok(Some(value.to_owned()))
    }

    /// A number between `least` and `most`.
    pub fn number(&self, name: &'static str, least: f32, most: f32, expected: &'static str) -> Result<Option<f32>, Error> {
        let Some(text) = self.text(name, 20)? else {
            return Ok(None);
        };
        let number = text.parse::<f32>().ok().filter(|number| (least..=most).contains(number));
        number.map(Some).ok_or_else(|| Error::parameter(name, &text, expected))
    }

    /// A switch: `1`.
    pub fn switch(&self, name: &'static str) -> Result<bool, Error> {
        match self.text(name, 20)?.as_deref() {
            None | Some("0") => Ok(false),
            Some("1") => Ok(true),
            Some(other) => Err(Error::parameter(name, other, "expected 1 or 0")),
        }
    }

    /// One of ours by its name.
    pub fn choice<T: Copy>(
        &self,
        name: &'static str,
        all: &[T],
        named: impl Fn(T) -> &'static str,
        expected: &'static str,
    ) -> Result<Option<T>, Error> {
        let Some(text) = self.text(name, 40)? else {
            return Ok(None);
        };
        let found = all.iter().copied().find(|&choice| named(choice) == text);
        found.map(Some).ok_or_else(|| Error::parameter(name, &text, expected))
    }

    /// The number of a page, from 1.
    pub fn page(&self) -> Result<usize, Error> {
        let Some(text) = self.text("page", 20)? else {
            return Ok(1);
        };
        let page = text.parse().ok().filter(|page| (1..=PAGES).contains(page));
        page.ok_or_else(|| Error::parameter("page", &text, "expected a number from 1 to 10000"))
    }

    /// A verdict.
    pub fn verdict(&self) -> Result<Option<Verdict>, Error> {
        self.choice("verdict", &Verdict::ALL, Verdict::name, "expected the name of a verdict")
    }

    /// A severity.
    pub fn severity(&self) -> Result<Option<Severity>, Error> {
        self.choice(
            "severity",
            &part::SEVERITIES,
            part::severity_name,
            "expected the name of a severity",
        )
    }

    /// Everything that filters and sorts findings.
    pub fn filter(&self) -> Result<Filter, Error> {
        Ok(Filter {
            verdict: self.verdict()?,
            severity: self.severity()?,
            exploited: self.switch("exploited")?,
            min_epss: self.number("min_epss", 0.0, 1.0, "expected a number from 0 to 1")?,
            min_cvss: self.number("min_cvss", 0.0, 10.0, "expected a number from 0 to 10")?,
            min_confidence: self.number("min_confidence", 0.0, 1.0, "expected a number from 0 to 1")?,
            text: self.text("q", 200)?,
            sort: self
                .choice("sort", &Sort::ALL, Sort::name, "expected the name of an order")?
                .unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &str) -> Parameters {
        Parameters::of(&format!("/queue?{query}").parse().unwrap()).unwrap()
    }

    #[test]
    fn a_form_left_alone_filters_nothing() {
        let filter = of("verdict=&severity=&min_epss=&min_cvss=&min_confidence=&q=+&sort=")
            .filter()
            .unwrap();
        assert_eq!(filter, Filter::default());
    }

    #[test]
    fn values_are_read() {
        let filter = of("verdict=fixed&severity=high&exploited=1&min_epss=0.5&min_cvss=7&min_confidence=1&q=%C3%A4+b&sort=age").filter();
        let expected = Filter {
            verdict: Some(Verdict::Fixed),
            severity: Some(Severity::High),
            exploited: true,
            min_epss: Some(0.5),
            min_cvss: Some(7.0),
            min_confidence: Some(1.0),
            text: Some("ä b".to_owned()),
            sort: Sort::Age,
        };
        assert_eq!(filter.unwrap(), expected);
        assert_eq!(of("page=3&page=4").page().unwrap(), 4);
    }

    #[test]
    fn wrong_values_are_named() {
        let wrong = [
            "verdict=bad",
            "severity=5",
            "exploited=yes",
            "min_epss=1.1",
            "min_epss=NaN",
            "min_cvss=-1",
            "min_confidence=x",
            "sort=up",
        ];
        for query in wrong {
            let name = query.split('=').next().unwrap();
            match of(query).filter() {
                Err(Error::Parameter { name: found, .. }) => assert_eq!(found, name),
                other => panic!("{query}: {other:?}"),
            }
        }
        for page in ["0", "-1", "10001", "99999999999999999999", "a"] {
            assert!(of(&format!("page={page}")).page().is_err(), "{page}");
        }
        assert!(of(&format!("q={}", "a".repeat(201))).filter().is_err());
    }
}
