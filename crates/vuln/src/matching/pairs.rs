//! Tables by vendor and product that are asked with borrowed texts.

use super::Table;

/// Values by two texts. Most questions end at the first one, the product: few products are in any table.
#[derive(Debug)]
pub(super) struct Pairs<V>(Table<String, Table<String, V>>);

impl<V> Default for Pairs<V> {
    fn default() -> Self {
        Self(Table::default())
    }
}

impl<V> Pairs<V> {
    /// The value of a (vendor, product).
    pub(super) fn get(&self, vendor: &str, product: &str) -> Option<&V> {
        self.0.get(product)?.get(vendor)
    }

    /// The value of a product and a vendor that is only made where the product is known.
    pub(super) fn get_with(&self, product: &str, vendor: impl FnOnce() -> String) -> Option<&V> {
        self.0.get(product)?.get(&vendor())
    }

    /// The value of a (vendor, product), made where there is none.
    pub(super) fn or_insert_with(&mut self, (vendor, product): (String, String), make: impl FnOnce() -> V) -> &mut V {
        self.0.entry(product).or_default().entry(vendor).or_insert_with(make)
    }

    /// All of them with vendor and product, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &String, &V)> {
        let of_product = |(product, vendors)| -> Vec<_> {
            let vendors: &Table<String, V> = vendors;
            vendors.iter().map(|(vendor, value)| (vendor, product, value)).collect()
        };
        self.0.iter().flat_map(of_product)
    }
}
