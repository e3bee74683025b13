"""What Java and Kotlin share: the frameworks, their annotations, and the builds that name them."""
