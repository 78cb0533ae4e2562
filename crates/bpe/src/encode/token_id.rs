//! The types of ids that callers choose from.

use bytemuck::{Pod, Zeroable};

/// A token id: `u32`, or `u16` for vocabularies of up to 65536 tokens.
pub trait TokenId: Pod + Default + Eq + Send + Sync + std::fmt::Debug {
    /// The largest id that the type holds.
    const MAX: u32;
    /// A few ids in sixteen bytes; the last place contains their number.
    type Group: Pod + AsRef<[Self]>;
    /// Converts `id`, which is not above [`TokenId::MAX`].
    fn from_id(id: u32) -> Self;
    /// Returns the number of ids in a group.
    fn group_len(group: &Self::Group) -> usize;
    /// Returns the group of these ids, with zeros behind them, or `None` if they are too many.
    fn group(ids: &[Self]) -> Option<Self::Group> {
        let mut group = Self::Group::zeroed();
        let (last, places) =
            bytemuck::cast_slice_mut(bytemuck::bytes_of_mut(&mut group)).split_last_mut()?;
        places.get_mut(..ids.len())?.copy_from_slice(ids);
        *last = Self::from_id(ids.len() as u32);
        Some(group)
    }
}

impl TokenId for u16 {
    const MAX: u32 = u16::MAX as u32;
    type Group = [u16; 8];
    #[inline]
    fn from_id(id: u32) -> u16 {
        id as u16
    }
    #[inline(always)]
    fn group_len(group: &[u16; 8]) -> usize {
        group[7].into()
    }
}

impl TokenId for u32 {
    const MAX: u32 = u32::MAX;
    type Group = [u32; 4];
    #[inline]
    fn from_id(id: u32) -> u32 {
        id
    }
    #[inline(always)]
    fn group_len(group: &[u32; 4]) -> usize {
        group[3] as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_holds_ids_and_their_number() {
        assert_eq!(u16::group(&[7, 8]), Some([7, 8, 0, 0, 0, 0, 0, 2]));
        assert_eq!(u16::group(&[1; 7]), Some([1, 1, 1, 1, 1, 1, 1, 7]));
        assert_eq!(u16::group(&[1; 8]), None);
        assert_eq!(u32::group(&[1, 2]), Some([1, 2, 0, 2]));
        assert_eq!(u32::group(&[1; 4]), None);
        assert_eq!(u16::group_len(&[9, 9, 9, 9, 9, 9, 9, 5]), 5);
        assert_eq!(u32::group_len(&[9, 9, 9, 2]), 2);
    }
}
