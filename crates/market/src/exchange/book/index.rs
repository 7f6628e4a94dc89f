//! From order numbers to places in the slab: pages of neighbouring numbers, kept while one of them
//! is in use. Numbers rise, so that the orders of a time share a page.
use alloc::boxed::Box;
use alloc::collections::BTreeMap;

use super::super::order::OrderId;

const PAGE_LOG2: u32 = 8;
const PAGE: usize = 1 << PAGE_LOG2;
const NOWHERE: u32 = u32::MAX;

/// Where each order is.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    pages: BTreeMap<u64, Page>,
}

#[derive(Clone, Debug)]
struct Page {
    slots: Box<[u32; PAGE]>,
    used: u32,
}

fn place(id: OrderId) -> (u64, usize) {
    (id.0 >> PAGE_LOG2, (id.0 % PAGE as u64) as usize)
}

impl Index {
    pub(super) fn get(&self, id: OrderId) -> Option<u32> {
        let (page, at) = place(id);
        let slot = self.pages.get(&page)?.slots[at];
        (slot != NOWHERE).then_some(slot)
    }

    /// Notes a new order's slot.
    pub(super) fn insert(&mut self, id: OrderId, slot: u32) {
        let (page, at) = place(id);
        let empty = || Page { slots: Box::new([NOWHERE; PAGE]), used: 0 };
        let page = self.pages.entry(page).or_insert_with(empty);
        page.slots[at] = slot;
        page.used += 1;
    }

    /// Forgets an order that is there.
    pub(super) fn remove(&mut self, id: OrderId) {
        let (number, at) = place(id);
        let page = self.pages.get_mut(&number).expect("only orders that are there are forgotten");
        page.slots[at] = NOWHERE;
        page.used -= 1;
        if page.used == 0 {
            self.pages.remove(&number);
        }
    }
}
