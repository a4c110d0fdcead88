"""Models: what they are asked, who answers, and what it cost."""
