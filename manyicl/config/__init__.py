"""The configuration of every stage: typed, checked, saved beside what it produced."""

from manyicl.config.load import as_dict, field_docs, load_config, save_config
from manyicl.config.regimes import REGIMES
from manyicl.config.schema import (
    NANO,
    Config,
    EpisodesConfig,
    EvaluationConfig,
    LoraConfig,
    ModelConfig,
    ObjectiveConfig,
    TasksConfig,
    TemplateConfig,
    TrainingConfig,
)

__all__ = [
    "NANO",
    "REGIMES",
    "Config",
    "EpisodesConfig",
    "EvaluationConfig",
    "LoraConfig",
    "ModelConfig",
    "ObjectiveConfig",
    "TasksConfig",
    "TemplateConfig",
    "TrainingConfig",
    "as_dict",
    "field_docs",
    "load_config",
    "save_config",
]
