//! The operators `+` and `*` between values on a tape, owned or borrowed: [`Var::add`] and
//! [`Var::mul`], element by element.

use crate::Var;
use std::ops::{Add, Mul};

macro_rules! operator {
    ($operator:ident, $method:ident) => {
        operator!($operator, $method, &Var<'t>, &Var<'t>);
        operator!($operator, $method, &Var<'t>, Var<'t>);
        operator!($operator, $method, Var<'t>, &Var<'t>);
        operator!($operator, $method, Var<'t>, Var<'t>);
    };
    ($operator:ident, $method:ident, $left:ty, $right:ty) => {
        impl<'t> $operator<$right> for $left {
            type Output = Var<'t>;

            #[track_caller]
            fn $method(self, other: $right) -> Var<'t> {
                #[allow(clippy::needless_borrow, clippy::needless_borrows_for_generic_args)]
                Var::$method(&self, &other)
            }
        }
    };
}

operator!(Add, add);
operator!(Mul, mul);

#[cfg(test)]
mod tests {
    use crate::Tape;

    #[test]
    fn operators_compute_and_record() {
        let tape = Tape::default();
        let (x, y) = (tape.leaf([3.0, -1.0]), tape.leaf([5.0, 2.0]));
        let z = (&x * &y + &x) * x.clone() + (&y + y.clone()); // x²y + x² + 2y
        assert_eq!(z.value().as_slice(), [64.0, 7.0]);
        let gradients = tape.backward(&z.sum());
        assert_eq!(gradients[&x].as_slice(), [36.0, -6.0]); // 2xy + 2x
        assert_eq!(gradients[&y].as_slice(), [11.0, 3.0]); // x² + 2
    }
}
