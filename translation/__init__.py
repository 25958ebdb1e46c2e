"""What differs between the outbound-marketing and the real-time Events API. Pure: values in, values out."""
