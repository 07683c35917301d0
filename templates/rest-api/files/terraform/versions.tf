terraform {
  # terraform_data is built in since 1.4; optional object attributes with defaults since 1.3.
  required_version = ">= 1.4"
}
