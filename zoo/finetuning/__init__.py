"""Fine-tuning: what of a pretrained model trains, when, and how fast."""
