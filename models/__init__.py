"""What is computed: morphology, representativity, generator, inverse design, learning."""
