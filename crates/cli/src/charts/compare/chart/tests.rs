use super::super::run::Run;
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
    assert_eq!(svg.matches("<polyline class=\"curve seed v0\"").count(), 2);
    assert_eq!(svg.matches("<polyline class=\"band v0\"").count(), 1);
    assert_eq!(svg.matches("<polyline class=\"curve v1\"").count(), 1);
    assert_eq!(svg.matches("<polyline class=\"band").count(), 1);
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
    assert!(svg.contains(">diverges at 20<"), "{svg}");
    // The good run's last dot lies in the lower half of the picture.
    let dots = svg.split("class=\"dot v0\" cx=\"").skip(1);
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
fn a_run_that_has_not_ended_is_not_the_best() {
    let at_work = Run { unfinished: Some((2, 1000)), ..run("at-work", &[3.0, 1.0]) };
    let svg = chart().draw(&group(vec![at_work, run("done", &[3.0, 2.0])]));
    assert!(svg.contains(">at step 2 of 1000<"), "{svg}");
    assert!(svg.contains("class=\"best\">2.000<") && !svg.contains("class=\"best\">1.000<"));
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

/// Returns the points of the lines of a class, in pairs of the page's coordinates.
fn lines(svg: &str, class: &str) -> Vec<Vec<Point>> {
    let begin = format!("<polyline class=\"{class}\"");
    let points = |line: &str| -> Vec<Point> {
        let points = line.split("points=\"").nth(1).and_then(|rest| rest.split('"').next());
        let pair = |pair: &str| {
            let (x, y) = pair.split_once(',').unwrap();
            (x.parse().unwrap(), y.parse().unwrap())
        };
        points.unwrap().split(' ').map(pair).collect()
    };
    svg.split(&begin).skip(1).map(points).collect()
}

/// Returns the places of the large dots.
fn dots(svg: &str, class: &str) -> Vec<Point> {
    let number = |dot: &str, name: &str| {
        let value = dot.split(&format!("{name}=\"")).nth(1).and_then(|rest| rest.split('"').next());
        value.unwrap().parse().unwrap()
    };
    let begin = format!("<circle class=\"{class}\"");
    let dots = svg.split(&begin).skip(1);
    dots.map(|dot| (number(dot, "cx"), number(dot, "cy"))).collect()
}

#[test]
fn a_line_through_few_points_is_at_its_points_and_ends_with_them() {
    // Validated after every second step, with the training loss.
    let runs = vec![run("a", &falling(6.0, 12)), run("long", &[2.0; 20])];
    let svg = Chart { max_loss: Some(9.0), ..chart() }.draw(&group(runs));
    let line = &lines(&svg, "curve v0")[0];
    let dots = dots(&svg, "dot v0");
    assert_eq!((line.len(), dots.len()), (12, 6));
    for (dot, point) in dots.iter().zip(line.iter().skip(1).step_by(2)) {
        assert!(
            (dot.0 - point.0).abs() < 0.2 && (dot.1 - point.1).abs() < 0.2,
            "{dot:?} {point:?}"
        );
    }
    assert_eq!(line.last(), dots.last());
}

#[test]
fn identical_runs_are_dashed_and_named() {
    let svg = chart().draw(&group(vec![
        run("one", &falling(5.0, 40)),
        run("two", &falling(5.0, 40)),
        run("three", &falling(3.0, 40)),
    ]));
    assert!(svg.contains(">same as one<") && svg.matches(">same as").count() == 1, "{svg}");
    assert!(svg.contains("<polyline class=\"curve v1\" stroke-dasharray"), "{svg}");
    assert!(svg.contains("class=\"ring v1\"") && !svg.contains("class=\"ring v0\""));
}

#[test]
fn numbers_are_coloured_and_listed_in_their_order() {
    let runs = ["lr-1", "lr-1e-3", "lr-0.01"].map(|name| run(name, &falling(5.0, 40))).to_vec();
    let svg = chart().draw(&group(runs));
    let places = ["lr-1e-3", "lr-0.01", "lr-1"].map(|name| svg.find(&format!(">{name}<")).unwrap());
    assert!(places.is_sorted(), "{svg}");
    assert!(svg.contains(".v1 { color: #141478; }") && svg.contains(".v0 { color: #a88600; }"));
}

#[test]
fn what_leaves_the_picture_is_marked() {
    let runs = || vec![run("good", &falling(5.0, 60)), run("bad", &falling(40.0, 60))];
    let svg = Chart { max_loss: Some(4.0), ..chart() }.draw(&group(runs()));
    assert!(svg.contains("class=\"mark v0\"") && svg.contains(">higher than the picture<"));
    let svg = Chart { max_loss: Some(2.05), ..chart() }.draw(&group(runs()));
    assert!(svg.contains(">not in the picture<"), "{svg}");
    let svg = chart().draw(&group(vec![run("flat", &[2.0; 20])]));
    assert!(!svg.contains(">higher than the picture<"), "{svg}");
    assert_eq!(dots(&svg, "dot v0").last().unwrap().0, RIGHT, "the last dot is at the edge");
}

#[test]
fn a_logarithmic_axis_leaves_out_what_has_no_place_on_it() {
    let mut first = run("a", &falling(5.0, 30));
    first.lines[0].seconds = 0.0;
    let chart = Chart { horizontal: Horizontal::Time, x_scale: Scale::Logarithmic, ..chart() };
    let svg = chart.draw(&group(vec![first]));
    let labels: Vec<_> = ["2", "5", "10"].map(|label| svg.contains(&format!(">{label}<"))).into();
    assert_eq!(labels, [true; 3], "{svg}");
}

#[test]
fn long_names_and_many_variants_stay_in_the_picture() {
    let name = "before/a-very-long-name-of-a-directory/with-a-run".repeat(3);
    let runs: Vec<Run> =
        (0..40).map(|number| run(&format!("{name}-{number}x"), &falling(5.0, 20))).collect();
    let svg = chart().draw(&group(runs));
    let text = svg.split("<text").skip(1).filter_map(|text| text.split(['>', '<']).nth(1));
    assert!(text.clone().all(|text| text.chars().count() <= 45), "{svg}");
    assert!(text.clone().any(|text| text.starts_with("and ") && text.ends_with(" more")), "{svg}");
}
