//! The description of a run in the log, before it starts.

use clap::{Args, Command};
use serde::Serialize;
use serde_json::Value;

use super::data::Data;
use super::plan::Plan;
use super::remark::Remark;
use crate::commands::train_model::estimate;
use crate::run::spec::{ModelSpec, defaults, fields, shown};
use crate::shell::{columns, terminal};

/// Logs the model, the data, the options and the estimated cost of a run, in lines that fit the
/// terminal.
pub fn describe(plan: &Plan, data: &Data) {
    plan.remarks.iter().for_each(Remark::log);
    plan.precision.explain(plan.context, plan.precision_reason, log::Level::Info);
    for line in lines(plan, data) {
        log::info!("{}", columns::wrapped(&line, terminal::width()));
    }
    let memory = memory(plan);
    let line = format!("estimate: {memory} of memory; the first steps tell the time");
    log::info!("{}", columns::wrapped(&line, terminal::width()));
}

/// Formats the estimated memory of a run.
pub fn memory(plan: &Plan) -> String {
    estimate::bytes(estimate::memory(&plan.shape, &plan.training))
}

/// Describes the model, the data and the options of a run, a line each.
pub fn lines(plan: &Plan, data: &Data) -> Vec<String> {
    let Plan { training, shape, .. } = plan;
    let Data { train, val } = data;
    let parameters = parameters(shape.parameter_count() as f64);
    let checkpoint = plan.resumed.as_ref().map(|point| &point.checkpoint);
    let source = match checkpoint.or(training.init_from.as_ref()) {
        Some(path) => path.display().to_string(),
        None => format!("random, seed {}", training.seed),
    };
    let validation =
        val.as_ref().map_or("none".into(), |val| format!("{} tokens", val.identity.tokens));
    let steps = training.steps();
    let tokens = training.tokens_per_step(shape.context_length);
    vec![
        format!("model: {parameters} parameters: {}", listed(&ModelSpec::from(shape))),
        format!("weights: {source}"),
        format!("data: {} tokens to train on, validation: {validation}", train.identity.tokens),
        format!(
            "training: {steps} steps of {} × {} × {} tokens, {} tokens in all, {:.2} times the \
             data",
            training.batch_size,
            training.grad_accum,
            shape.context_length,
            tokens.saturating_mul(steps),
            tokens as f64 * steps as f64 / train.identity.tokens as f64,
        ),
        format!("options: {}", listed(training)),
    ]
}

/// Formats a number of parameters: `22.7 M`, `35.1 k`.
fn parameters(count: f64) -> String {
    if count >= 1e6 { format!("{:.1} M", count / 1e6) } else { format!("{:.1} k", count / 1e3) }
}

/// Formats options as a list of names and values, in the order of the flags. Leaves out options
/// without a value and switches at their default.
fn listed<T: Args + Serialize>(options: &T) -> String {
    let (fields, defaults) = (fields(options), fields(&defaults::<T>()));
    let command = T::augment_args(Command::new("options"));
    let item = |arg: &clap::Arg| {
        let field = arg.get_id().as_str();
        let value = fields.get(field).filter(|value| !value.is_null())?;
        let is_plain = value.is_boolean() && value == &defaults[field];
        (!is_plain).then(|| format!("{} {}", field.replace('_', "-"), shown(&rounded(value))))
    };
    command.get_arguments().filter_map(item).collect::<Vec<_>>().join(", ")
}

/// Rounds a number to six significant digits: a hundredth of 6e-4 is 5.999999999999999e-6, which
/// tells nobody more than 6e-6.
fn rounded(value: &Value) -> Value {
    let number = value.as_f64().filter(|_| value.is_f64());
    let rounded = number.and_then(|number| format!("{number:.5e}").parse::<f64>().ok());
    rounded.map_or_else(|| value.clone(), Value::from)
}

#[cfg(test)]
mod tests {
    use tensor::Precision;

    use super::*;
    use crate::commands::flags;
    use crate::commands::train_model::args::Args;

    #[test]
    fn options_are_listed_in_order_without_those_that_are_off() {
        let flags = ["train-model", "--train-dataset=t.npy", "--no-rope", "--lr=1e-4"];
        let flags = flags.into_iter().chain(["--decay-norms=false", "--keep-checkpoints=2"]);
        let (args, _): (Args, _) = flags::parse_from(flags).unwrap();
        let shape = args.model.config(None).unwrap();
        assert_eq!(
            listed(&ModelSpec::from(&shape)),
            "vocab-size 10000, context-length 256, d-model 512, num-heads 16, num-layers 4, \
             d-ff 1344, no-rope true, norm pre, ffn swiglu"
        );
        assert_eq!(
            listed(&args.training.resolve(256, Precision::F32).unwrap()),
            "batch-size 32, grad-accum 1, steps 5000, seed 0, precision f32, lr 1e-4, \
             min-lr 1e-6, lr-schedule cosine, warmup-steps 100, grad-clip 1, beta1 0.9, \
             beta2 0.999, eps 1e-8, weight-decay 0.01, decay-norms false, eval-every 100, \
             eval-batches 4, checkpoint-every 1000, keep-checkpoints 2, log-every 10"
        );
    }

    #[test]
    fn numbers_are_shown_with_six_significant_digits() {
        let argv = ["train-model", "--train-dataset=t.npy", "--lr=6e-4", "--eps=1.23456789e-7"];
        let (args, _): (Args, _) = flags::parse_from(argv).unwrap();
        let options = args.training.resolve(256, Precision::F32).unwrap();
        assert_ne!(options.min_lr, Some(6e-6));
        let text = listed(&options);
        assert!(
            text.contains("lr 6e-4, min-lr 6e-6, ") && text.contains("eps 1.23457e-7"),
            "{text}"
        );
    }
}
