"""The training harness: from a plain configuration to a trained, evaluated, resumable run."""
