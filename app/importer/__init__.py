"""The Complete Journey data brought in: tables → shifted, completed → stores."""
