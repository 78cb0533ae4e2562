use super::super::run::tests::run;
use super::super::variant::group;
use super::*;

fn chart() -> Chart {
    Chart {
        title: "a < b".into(),
        horizontal: Horizontal::Steps,
        x_scale: Scale::Linear,
        y_scale: Scale::Linear,
        max_loss: None,
    }
}

fn falling(from: f64, steps: usize) -> Vec<f64> {
    (0..steps).map(|step| 2.0 + from / (step + 1) as f64).collect()
}

#[test]
fn variants_have_a_colour_and_an_entry_each_and_seeds_share_it() {
    let runs = vec![
        run("a-s0", &falling(5.0, 40)),
        run("a-s1", &falling(6.0, 40)),
        run("<b>", &falling(4.0, 40)),
    ];
    let svg = chart().draw(&group(runs));
    assert_eq!(svg.matches("<polyline class=\"curve c0\"").count(), 2);
    assert_eq!(svg.matches("<polyline class=\"curve c1\"").count(), 1);
    assert!(svg.contains(">2.138 ± 0.012<") && svg.contains(">2.100<"), "{svg}");
    assert!(svg.contains("&lt;b&gt;") && svg.contains("a &lt; b") && !svg.contains("<b>"));
    let (better, worse) = (svg.find("&lt;b&gt;").unwrap(), svg.find(">a<").unwrap());
    assert!(better < worse, "the best comes first");
}

#[test]
fn a_diverging_run_does_not_spoil_the_range() {
    let mut lost = falling(5.0, 40);
    lost[20..].fill(1e9);
    let svg = chart().draw(&group(vec![run("good", &falling(5.0, 40)), run("lost", &lost)]));
    assert!(svg.contains(">diverges at 17<"), "{svg}");
    // The good run's last dot lies in the lower half of the picture.
    let dots = svg.split("class=\"d0\" cx=\"").skip(1);
    let last = dots.last().and_then(|dot| dot.split('"').nth(2)).unwrap();
    assert!(last.parse::<f64>().unwrap() > (TOP + BOTTOM) / 2.0, "{last}");
}

#[test]
fn every_axis_and_few_points_are_no_trouble() {
    for horizontal in [Horizontal::Steps, Horizontal::Tokens, Horizontal::Time] {
        for scale in [Scale::Linear, Scale::Logarithmic] {
            for losses in [&falling(5.0, 30)[..], &[2.0], &[2.0, 2.0]] {
                let chart = Chart { horizontal, x_scale: scale, y_scale: scale, ..chart() };
                let svg = chart.draw(&group(vec![run("a", losses)]));
                assert!(svg.ends_with("</svg>\n"));
                assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            }
        }
    }
    assert!(!chart().draw(&[]).contains("NaN"));
    let lost = chart().draw(&group(vec![Run { not_finite: Some(1), ..run("lost", &[]) }]));
    assert!(lost.contains(">diverges at 1<") && !lost.contains("NaN") && !lost.contains("inf"));
}

#[test]
fn time_has_a_unit_that_suits_the_longest_run() {
    let chart = Chart { horizontal: Horizontal::Time, ..chart() };
    // A step takes 36 s.
    for (steps, unit) in [(4, ">seconds<"), (100, ">minutes<"), (400, ">hours<")] {
        let runs = vec![run("long", &falling(5.0, steps)), run("short", &[2.0])];
        assert!(chart.draw(&group(runs)).contains(unit), "{unit}");
    }
}
