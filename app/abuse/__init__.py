"""What the proxy stands for in the token's place: who may ask, how often, and whether a person does."""
