//! Packing of tiles of bf16 against its definition, and a model of the units in plain Rust.

pub(crate) mod model;

use super::bf16_tiles::*;
use crate::matrix::Mat;
use bytemuck::Zeroable;

fn noise(len: usize, seed: u64) -> Vec<f32> {
    crate::testing::random(&[len], seed).as_slice().to_vec()
}

fn bf16(x: f32) -> u32 {
    u32::from(half::bf16::from_f32(x).to_bits())
}

#[test]
fn panels_of_every_layout_hold_the_pairs_where_the_unit_looks_for_them() {
    for (lead, depth) in [(1, 1), (16, 32), (32, 64), (33, 33), (70, 100), (15, 31), (64, 2)] {
        let data = noise(lead * depth, 1);
        let transposed: Vec<f32> =
            (0..lead * depth).map(|i| data[i % lead * depth + i / lead]).collect();
        let rounded =
            |x: &[f32]| -> Vec<half::bf16> { x.iter().map(|&x| half::bf16::from_f32(x)).collect() };
        let (rounded, rounded_transposed) = (rounded(&data), rounded(&transposed));
        let sources = [
            Mat::new(&data, lead, depth),
            Mat::new(&transposed, depth, lead).t(),
            Mat::new(&rounded, lead, depth),
            Mat::new(&rounded_transposed, depth, lead).t(),
        ];
        let at = |i: usize, k: usize| {
            if i < lead && k < depth { bf16(data[i * depth + k]) } else { 0 }
        };
        let blocks = depth.div_ceil(TILE_K);
        for source in sources {
            for order in [TileOrder::Rows, TileOrder::Pairs] {
                let mut tiles = vec![Tile::zeroed(); 2 * lead.div_ceil(PANEL) * blocks];
                tiles.iter_mut().for_each(|tile| tile.0 = [[!0; TILE]; TILE]);
                pack(source, bytemuck::cast_slice_mut(&mut tiles), order, model::Plain);
                for (index, tile) in tiles.iter().enumerate() {
                    let (panel, block, half) =
                        (index / (2 * blocks), index / 2 % blocks, index % 2);
                    for x in 0..TILE {
                        for y in 0..TILE {
                            let (row, p) = match order {
                                TileOrder::Rows => (x, y),
                                TileOrder::Pairs => (y, x),
                            };
                            let i = panel * PANEL + half * TILE + row;
                            let k = block * TILE_K + 2 * p;
                            let expected = at(i, k) | at(i, k + 1) << 16;
                            assert_eq!(tile.0[x][y], expected, "{lead}×{depth} {order:?} {i}, {k}");
                        }
                    }
                }
            }
        }
    }
}
