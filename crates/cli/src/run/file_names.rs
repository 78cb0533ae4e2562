//! Names of the files in a run directory, all in one place so that a run can be moved as a whole.

/// The link to the newest checkpoint.
pub const LATEST: &str = "latest";
/// The link to the checkpoint with the lowest validation loss.
pub const BEST: &str = "best";
/// All links to checkpoints.
pub const LINKS: [&str; 2] = [LATEST, BEST];
/// One JSON object per logged step.
pub const METRICS: &str = "metrics.jsonl";
/// The chart of the losses.
pub const LOSS_CHART: &str = "loss.svg";
/// The manifest of the run.
pub const MANIFEST: &str = "run.json";
/// Texts that the model wrote at evaluations.
pub const SAMPLES: &str = "samples.txt";
/// The directory of TensorBoard's event files.
pub const EVENT_FILES: &str = "tensorboard";

/// All names but those of the checkpoints and of the links to them.
pub const BESIDE_CHECKPOINTS: [&str; 5] = [METRICS, LOSS_CHART, MANIFEST, SAMPLES, EVENT_FILES];
