//! Long lists that callers page through by offset.
//!
//! An offset is counted off row by row, and so is the length of a list: at a million rows each takes longer than all the rest of a page. So the store
//! remembers for a while where the next page begins (callers go from page to page), and how long a list was when counting it took long. What is
//! remembered can be a minute old; a page that begins at a remembered row has neither gaps nor repetitions when rows before it come or go.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use cs_core::id::AccountId;

use crate::args;
use crate::db::{Reader, Row, StoreError, Value};
use crate::users::Slice;

/// Pages that begin before this are counted off: that is quick and exact.
const COUNTED_OFF: u64 = 2000;
/// How long the beginning of a page is remembered.
const MARK_LASTS: Duration = Duration::from_secs(60);
/// How many beginnings are remembered.
const MOST_MARKS: usize = 4096;
/// A count that took longer is remembered, if it is of so many rows: a short list is counted every time, however busy the machine.
const QUICK_COUNT: Duration = Duration::from_millis(10);
const MANY_ROWS: u64 = 20_000;
/// For so many times as long as it took, and no longer than this.
const COUNT_LASTS: (u32, Duration) = (200, Duration::from_secs(30));

/// A list in the order of two columns that together are unique in an account.
pub(crate) struct LongList {
    /// Tells the lists apart.
    pub(crate) name: &'static str,
    /// `$1` account, `$2` how many rows, `$3` how many to skip.
    pub(crate) from_offset: &'static str,
    /// `$1` account, `$2` and `$3` the row before, `$4` how many rows.
    pub(crate) after_row: &'static str,
    /// `$1` account.
    pub(crate) count: &'static str,
    /// Which columns of the rows are the order.
    pub(crate) key: [usize; 2],
}

/// What is remembered.
#[derive(Default)]
pub(crate) struct Lists(Mutex<State>);

#[derive(Default)]
struct State {
    marks: HashMap<(AccountId, &'static str, u64), Known<[Value; 2]>>,
    counts: HashMap<(AccountId, &'static str), Known<u64>>,
}

struct Known<T> {
    value: T,
    until: Instant,
}

impl Lists {
    fn mark(&self, account: AccountId, list: &LongList, offset: u64, now: Instant) -> Option<[Value; 2]> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = state.marks.get(&(account, list.name, offset)).filter(|known| known.until > now)?;
        Some(known.value.clone())
    }

    fn set_mark(&self, account: AccountId, list: &LongList, offset: u64, value: [Value; 2], now: Instant) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.marks.len() >= MOST_MARKS {
            state.marks.retain(|_, known| known.until > now);
        }
        if state.marks.len() < MOST_MARKS {
            state.marks.insert((account, list.name, offset), Known { value, until: now + MARK_LASTS });
        }
    }

    fn count(&self, account: AccountId, list: &LongList, now: Instant) -> Option<u64> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = state.counts.get(&(account, list.name)).filter(|known| known.until > now)?;
        Some(known.value)
    }

    fn set_count(&self, account: AccountId, list: &LongList, value: u64, took: Duration, now: Instant) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (times, most) = COUNT_LASTS;
        if took > QUICK_COUNT && value >= MANY_ROWS {
            let until = now + took.saturating_mul(times).min(most);
            state.counts.insert((account, list.name), Known { value, until });
        } else {
            state.counts.remove(&(account, list.name));
        }
    }
}

impl Reader {
    /// The rows of a part of `list`, and how long it is.
    pub(crate) async fn long_list(
        &self,
        account: AccountId,
        list: &LongList,
        slice: Slice,
    ) -> Result<(Vec<Row>, u64), StoreError> {
        let [limit, offset] = slice.args();
        // One more than wanted says whether the list goes on, however old the count is.
        let one_more = match limit {
            Value::Int(limit) => Value::Int(limit.saturating_add(1)),
            Value::Null | Value::Text(_) | Value::Blob(_) => limit,
        };
        let mark = match slice.offset {
            0..COUNTED_OFF => None,
            offset => self.lists().mark(account, list, offset, Instant::now()),
        };
        let mut rows = match mark {
            Some([first, second]) => {
                self.query(list.after_row, args![account.as_str(), &first, &second, &one_more]).await?
            }
            None => self.query(list.from_offset, args![account.as_str(), &one_more, &offset]).await?,
        };
        let wanted = usize::try_from(slice.limit).unwrap_or(usize::MAX);
        let goes_on = rows.len() > wanted;
        rows.truncate(wanted);
        let end = slice.offset.saturating_add(rows.len() as u64);
        if goes_on
            && end >= COUNTED_OFF
            && let Some(last) = rows.last()
        {
            let key = list.key.map(|column| last.values().get(column).cloned().unwrap_or_default());
            self.lists().set_mark(account, list, end, key, Instant::now());
        }
        let total = match (goes_on, rows.is_empty()) {
            (false, false) => end,
            (true, _) => self.length(account, list).await?.max(end + 1),
            (false, true) => self.length(account, list).await?.min(end),
        };
        Ok((rows, total))
    }

    async fn length(&self, account: AccountId, list: &LongList) -> Result<u64, StoreError> {
        let started = Instant::now();
        if let Some(count) = self.lists().count(account, list, started) {
            return Ok(count);
        }
        let count = self.count(list.count, args![account.as_str()]).await?;
        let now = Instant::now();
        self.lists().set_count(account, list, count, now.duration_since(started), now);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: LongList = LongList { name: "users", from_offset: "", after_row: "", count: "", key: [0, 1] };

    fn account() -> AccountId {
        "DAAAAAAAAAAAAAAAAAAA".parse().unwrap()
    }

    #[test]
    fn a_beginning_is_remembered_for_a_minute() {
        let (lists, start) = (Lists::default(), Instant::now());
        let key = || [Value::from("bob"), Value::from("DU1")];
        lists.set_mark(account(), &LIST, 4000, key(), start);
        assert_eq!(lists.mark(account(), &LIST, 4000, start + Duration::from_secs(59)), Some(key()));
        assert_eq!(lists.mark(account(), &LIST, 4000, start + Duration::from_secs(60)), None);
        assert_eq!(lists.mark(account(), &LIST, 4001, start), None);
        let other = LongList { name: "phones", ..LIST };
        assert_eq!(lists.mark(account(), &other, 4000, start), None);
    }

    #[test]
    fn memory_is_bounded() {
        let (lists, start) = (Lists::default(), Instant::now());
        for offset in 0..MOST_MARKS as u64 + 10 {
            lists.set_mark(account(), &LIST, offset, [Value::Null, Value::Null], start);
        }
        assert_eq!(lists.0.lock().unwrap().marks.len(), MOST_MARKS);
        lists.set_mark(account(), &LIST, 0, [Value::Null, Value::Null], start + MARK_LASTS);
        assert_eq!(lists.0.lock().unwrap().marks.len(), 1);
    }

    #[test]
    fn only_slow_counts_of_long_lists_are_remembered() {
        let (lists, start) = (Lists::default(), Instant::now());
        for (rows, millis) in [(MANY_ROWS, 10), (MANY_ROWS - 1, 2000)] {
            lists.set_count(account(), &LIST, rows, Duration::from_millis(millis), start);
            assert_eq!(lists.count(account(), &LIST, start), None);
        }
        lists.set_count(account(), &LIST, MANY_ROWS, Duration::from_millis(20), start);
        assert_eq!(lists.count(account(), &LIST, start + Duration::from_millis(3999)), Some(MANY_ROWS));
        assert_eq!(lists.count(account(), &LIST, start + Duration::from_millis(4000)), None);
        lists.set_count(account(), &LIST, MANY_ROWS, Duration::from_secs(2), start);
        assert_eq!(lists.count(account(), &LIST, start + Duration::from_secs(30)), None);
    }
}
