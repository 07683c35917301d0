output "deployment" {
  description = "Everything the platform needs to run the service."
  value       = terraform_data.release.output
}

output "image" {
  description = "The image that runs."
  value       = terraform_data.release.output.image
}

output "port" {
  description = "The port to route to."
  value       = terraform_data.release.output.port
}

output "replicas" {
  description = "How many copies run at once."
  value       = terraform_data.release.output.replicas
}

output "env" {
  description = "The environment of every replica."
  value       = terraform_data.release.output.env
}

output "labels" {
  description = "The labels on everything that belongs to the service."
  value       = terraform_data.release.output.labels
}
