"""Detection with one convolution an image: propose, describe, score, refine, suppress, measure."""
